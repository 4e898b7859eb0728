#include "report/estimate.h"

#include <fmt/format.h>

#include "base/text.h"
#include "report/judged.h"

namespace urial::report {

std::string estimate_text(const eval::JudgeEstimate& estimate, std::size_t max_tokens, std::optional<double> max_cost) {
    std::string out = fmt::format("  {:<28} {:>12}\n", "requests", estimate.requests);
    if (estimate.recorded > 0) out += fmt::format("  {:<28} {:>12}\n", "judged already", estimate.recorded);
    out += fmt::format("  {:<28} {:>12}  (estimated from the text)\n", "prompt tokens", estimate.prompt_tokens);
    out += fmt::format("  {:<28} {:>12}  ({} a reply)\n", "completion tokens, at most", estimate.most_completion_tokens,
                       max_tokens);
    out += fmt::format("  {:<28} {:>12}\n", "cost, at most", cost_text(estimate.most_cost, estimate.unpriced.empty()));
    for (const std::string& name : estimate.unpriced) {
        out += fmt::format("  no price of {} is known: --prices FILE gives one\n", printable(name));
    }
    if (max_cost && estimate.most_cost > *max_cost) {
        out += fmt::format("  that may be more than --max-cost {:g}: the run would stop there and could be continued\n",
                           *max_cost);
    }
    return out;
}

eval::Json estimate_json(const eval::JudgeEstimate& estimate) {
    const bool known = estimate.unpriced.empty();
    return {{"requests", estimate.requests},
            {"recorded", estimate.recorded},
            {"prompt_tokens", estimate.prompt_tokens},
            {"most_completion_tokens", estimate.most_completion_tokens},
            {"most_cost_usd", known ? eval::Json(estimate.most_cost) : eval::Json(nullptr)},
            {"unpriced", estimate.unpriced}};
}

}  // namespace urial::report
