#pragma once

// Carries an experiment out, step by step: what is finished is not done again, and what a killed run has left goes on.
// Belongs to one thread.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "app/models.h"
#include "experiment/plan.h"

namespace urial::experiment {

struct RunOptions {
    app::ModelChoice loading;  ///< of all models, but for model and adapters
    app::Callbacks callbacks;
    std::function<bool()> interrupted;  ///< true ends the run; what is done stays
    std::function<void(const Step&)> began;
    std::function<void(const Step&, std::string_view rate)> progress;  ///< of Step::done and Step::total
    std::function<void(const Step&)> ended;
    std::function<void(std::string_view)> notice;  ///< a line for the user
};

struct Outcome {
    std::size_t failed = 0;  ///< answers, judgements and analyses that failed; the next run tries them again
    bool interrupted = false;
    bool out_of_money = false;  ///< the next request might have cost more than JudgingChoice::max_cost leaves
};

/// Does the steps of the plan that are not finished, and writes the plan after each. Throws what makes a step
/// impossible; the folder can be continued.
Outcome run(const Spec& spec, Plan& plan, const RunOptions& options);

/// What judging would cost at most, USD, as far as it can be known before there are answers: the longest that answers
/// may be, at four bytes a token. Opens the judges. Nullopt where a judge has no price.
std::optional<double> most_judging_cost(const Spec& spec, const Plan& plan, const RunOptions& options);

}  // namespace urial::experiment
