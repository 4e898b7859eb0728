// `urial demo`: what a base model does with a question by itself, and what it does under the prompt, beside each other.

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/chat_session.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "terminal/columns.h"
#include "terminal/progress_bar.h"

namespace urial::cli {
namespace {

using nlohmann::ordered_json;

/// Enough to see what the base model is up to; by itself it seldom ends.
constexpr int kMostRawTokens = 80;
constexpr int kMostAnswerTokens = 160;
/// Without it a model of this size says one sentence again and again, on either side.
constexpr double kRepetitionPenalty = 1.1;

/// Below this the two texts stand one above the other.
constexpr std::size_t kLeastColumnsForTwo = 70;
constexpr std::size_t kMostColumns = 120;
constexpr std::size_t kColumnsOfAFile = 80;

struct DemoFlags {
    app::ModelChoice model;
    std::vector<std::string> questions;
};

/// One side of the comparison. Each has a session of its own, so that both constant prefixes stay computed.
struct Side {
    std::string title;
    app::ChatSession session;
};

struct Sides {
    std::shared_ptr<const engine::Model> model;
    Side raw;
    Side prompted;
};

struct Comparison {
    std::string question;
    generate::Result raw;
    generate::Result prompted;
};

void check_questions(const std::vector<std::string>& questions) {
    for (const std::string& question : questions) {
        if (trim(question).empty()) throw Error(ErrorKind::BadInput, "a question is empty");
        if (!is_valid_utf8(question)) throw Error(ErrorKind::BadInput, "a question is not UTF-8");
    }
}

Sides open_sides(const DemoFlags& flags, const Context& context) {
    const std::shared_ptr<const engine::Model> model = app::open_model(flags.model, callbacks(context));
    const auto open = [&](std::string title, const char* prompt, int most_tokens) {
        app::ChatOptions options;
        options.keep_turns = false;  // an answer does not depend on the questions before it
        options.sampling.max_tokens = most_tokens;
        options.sampling.repetition_penalty = kRepetitionPenalty;
        options.session = app::session_options(flags.model, callbacks(context));
        app::ChatSession session(model, prompt::builtin(prompt), std::move(options));
        terminal::throw_if_interrupted();
        return Side{std::move(title), std::move(session)};
    };
    return {model, open("The model alone goes on with the text", "raw", kMostRawTokens),
            open("The same model under the prompt \"urial\"", "urial", kMostAnswerTokens)};
}

double tokens_per_second(const generate::Result& result) {
    return result.seconds > 0 ? static_cast<double>(result.completion_tokens) / result.seconds : 0;
}

std::string cost(const generate::Result& result) {
    const bool cut = result.finish == generate::FinishReason::Length;
    return fmt::format("{} tokens in {:.2f} s, {:.0f} a second{}", result.completion_tokens, result.seconds,
                       tokens_per_second(result), cut ? "; cut here" : "");
}

/// Prints for a person: in two columns where the terminal has room for them.
class Page {
public:
    explicit Page(const Context& context)
        : context_(context),
          two_columns_(terminal::output_columns().value_or(0) >= kLeastColumnsForTwo),
          width_(std::min(terminal::output_columns().value_or(kColumnsOfAFile), kMostColumns)) {}

    void introduce(const engine::ModelInfo& model) const {
        const std::string_view kind = model.chat_template.empty()
                                          ? "a base model: it has learned to continue text and nothing else"
                                          : "a chat model: what it was tuned for shows on both sides";
        print_lines(terminal::wrap(fmt::format("{}, {}.", printable(model.description), kind), width_));
        print_lines(terminal::wrap(
            fmt::format("Always the most likely token, with a repetition penalty of {}. It may be wrong.",
                        kRepetitionPenalty),
            width_));
    }

    void show(const Comparison& comparison, const Sides& sides) const {
        fmt::print("\n");
        print_lines(terminal::wrap("Question: " + printable(comparison.question), width_), Weight::Bold);
        fmt::print("\n");
        two_columns_ ? show_beside(comparison, sides) : show_above(comparison, sides);
        std::fflush(stdout);
    }

    void show_next_steps() const {
        const std::pair<std::string_view, std::string_view> steps[] = {
            {"chat", "a conversation; /help lists its commands"},
            {"chat \"Why is the sky blue?\"", "one answer"},
            {"generate -i questions.jsonl -o answers.jsonl", "a file of questions"},
            {"prompt list", "the prompts that are built in"},
            {"--help", "all that there is"},
        };
        fmt::print("\n");
        print_lines({"What to type next"}, Weight::Bold);
        for (const auto& [command, effect] : steps) {
            const std::string typed = fmt::format("  {} {:<46}", printable(context_.program), command);
            const bool fits = terminal::display_width(typed) + terminal::display_width(effect) <= width_;
            fmt::print("{}{}{}\n", fits ? typed : typed.substr(0, typed.find_last_not_of(' ') + 1),
                       fits ? "" : "\n      ", effect);
        }
    }

private:
    enum class Weight { Normal, Bold };

    void print_lines(const std::vector<std::string>& lines, Weight weight = Weight::Normal) const {
        const bool bold = weight == Weight::Bold && context_.terminal.colour_out;
        for (const std::string& line : lines)
            fmt::print("{}{}{}\n", bold ? "\x1b[1m" : "", line, bold ? "\x1b[0m" : "");
    }

    void show_beside(const Comparison& comparison, const Sides& sides) const {
        print_lines(terminal::side_by_side(sides.raw.title, sides.prompted.title, width_), Weight::Bold);
        print_lines(terminal::side_by_side(cost(comparison.raw), cost(comparison.prompted), width_));
        print_lines(terminal::side_by_side("\n" + shown(comparison.raw), "\n" + shown(comparison.prompted), width_));
    }

    void show_above(const Comparison& comparison, const Sides& sides) const {
        show_one(sides.raw, comparison.raw);
        fmt::print("\n");
        show_one(sides.prompted, comparison.prompted);
    }

    void show_one(const Side& side, const generate::Result& result) const {
        print_lines(terminal::wrap(side.title, width_), Weight::Bold);
        print_lines(terminal::wrap(cost(result), width_));
        fmt::print("\n");
        print_lines(terminal::wrap(shown(result), width_));
    }

    static std::string shown(const generate::Result& result) { return printable(trim(result.text)); }

    const Context& context_;
    bool two_columns_;
    std::size_t width_;
};

ordered_json as_json(const Side& side, const generate::Result& result) {
    return {{"prompt", app::name_of(side.session.form())},       {"output", result.text},
            {"finish_reason", generate::name(result.finish)},    {"prompt_tokens", result.prompt_tokens},
            {"completion_tokens", result.completion_tokens},     {"seconds", result.seconds},
            {"first_token_seconds", result.first_token_seconds}, {"tokens_per_second", tokens_per_second(result)}};
}

ordered_json as_json(const engine::ModelInfo& model) {
    return {{"name", model.name}, {"description", model.description}, {"sha256", model.content_hash}};
}

void run(const DemoFlags& flags, Context& context) {
    check_questions(flags.questions);
    const std::vector<std::string> questions =
        flags.questions.empty() ? std::vector<std::string>{"What should I do when I cannot sleep?",
                                                           "What is the capital of France, and what can I see there?",
                                                           "How do I politely say no to a friend?"}
                                : flags.questions;
    Sides sides = open_sides(flags, context);
    const Page page(context);
    if (!context.json) page.introduce(sides.model->info());

    ordered_json comparisons = ordered_json::array();
    terminal::ProgressBar bar(context.terminal, "answers", terminal::ProgressUnit::Items);
    std::uint64_t done = 0;
    const auto ask = [&](Side& side, const std::string& question) {
        bar.update(done++, 2 * questions.size());
        side.session.reset();
        generate::Result result = side.session.ask(question, {.text = {}, .cancelled = terminal::interrupted}).result;
        terminal::throw_if_interrupted();
        return result;
    };
    for (const std::string& question : questions) {
        const Comparison comparison{question, ask(sides.raw, question), ask(sides.prompted, question)};
        bar.clear();
        if (context.json) {
            comparisons.push_back({{"question", question},
                                   {"raw", as_json(sides.raw, comparison.raw)},
                                   {"prompted", as_json(sides.prompted, comparison.prompted)}});
        } else {
            page.show(comparison, sides);
        }
    }
    if (context.json) {
        const ordered_json printed{{"model", as_json(sides.model->info())},
                                   {"repetition_penalty", kRepetitionPenalty},
                                   {"comparisons", comparisons}};
        fmt::print("{}", json_text(printed));
    } else {
        page.show_next_steps();
    }
}

}  // namespace

void add_demo_command(CLI::App& app, Context& context) {
    CLI::App* command =
        app.add_subcommand("demo", "Show what the model does with a question alone, and under the prompt");
    const auto flags = std::make_shared<DemoFlags>();
    command->add_option("QUESTION", flags->questions, "Questions instead of the three built-in ones");
    add_model_flags(*command, flags->model, context);
    command->footer(examples({
        {"Three questions, each with and without the prompt", "urial demo"},
        {"A question of your own, under another model", "urial demo \"Is the sea blue?\" -m model.gguf"},
    }));
    command->final_callback([flags, &context] { run(*flags, context); });
}

}  // namespace urial::cli
