#include "cli/chat_loop.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "terminal/columns.h"

namespace urial::cli {
namespace {

constexpr std::string_view kPrompt = "> ";
constexpr std::string_view kContinuation = "... ";
constexpr std::string_view kBlock = R"(""")";

std::string timings(const app::Answer& answer) {
    const generate::Result& result = answer.result;
    const double decoding = result.seconds - result.first_token_seconds;
    std::string text =
        answer.is_counted
            ? fmt::format("{} prompt tokens, first token after {:.2f} s, {} tokens in {:.2f} s", result.prompt_tokens,
                          result.first_token_seconds, result.completion_tokens, result.seconds)
            : fmt::format("first token after {:.2f} s, {:.2f} s in all", result.first_token_seconds, result.seconds);
    if (answer.is_counted && result.completion_tokens > 1 && decoding > 0) {
        text += fmt::format(" ({:.1f} tokens/s)", static_cast<double>(result.completion_tokens - 1) / decoding);
    }
    text += fmt::format(", finish: {}", generate::name(result.finish));
    if (!result.stopped_by.empty()) text += fmt::format(" at '{}'", result.stopped_by);
    return text;
}

/// What --json prints for an answer.
nlohmann::ordered_json answer_record(const app::ChatSession& session, const std::string& query,
                                     const app::Answer& answer) {
    const generate::Result& result = answer.result;
    nlohmann::ordered_json record{
        {"query", query}, {"output", result.text}, {"finish_reason", generate::name(result.finish)}};
    if (answer.is_counted) {
        record["prompt_tokens"] = result.prompt_tokens;
        record["completion_tokens"] = result.completion_tokens;
    }
    record["seconds"] = result.seconds;
    record["first_token_seconds"] = result.first_token_seconds;
    record["dropped_turns"] = answer.dropped_turns;
    if (!result.token_ids.empty()) record["token_ids"] = result.token_ids;  // a server gives none
    record["generator"] = session.model().name;
    record["prompt"] = app::name_of(session.form());
    return record;
}

/// At most two.
std::string last_characters(const std::string& text) {
    std::size_t begin = text.size();
    for (int i = 0; i < 2 && begin > 0; ++i) {
        do {
            --begin;
        } while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80);
    }
    return text.substr(begin);
}

}  // namespace

ChatLoop::ChatLoop(app::ChatSession& session, terminal::LineSource& lines, ChatOutput output, Context& context,
                   EditText edit)
    : session_(session), lines_(lines), output_(std::move(output)), context_(context), edit_(std::move(edit)) {}

void ChatLoop::run() {
    bool open = true;
    while (open) {
        try {
            open = next();
        } catch (const engine::Cancelled&) {
            context_.terminal.note("(stopped)");
        } catch (const Error& failure) {
            context_.terminal.report_error(failure.what());
            if (!output_.interactive) context_.exit_code = 1;
        }
        // A person means the answer; who stops a script means the script.
        if (!output_.interactive) terminal::throw_if_interrupted();
        terminal::clear_interrupt();
    }
}

bool ChatLoop::next() {
    const std::optional<std::string> message = read_message();
    if (!message) return false;
    if (trim(*message).empty()) return true;
    lines_.remember(*message);
    return handle(*message);
}

bool ChatLoop::handle(const std::string& text) {
    if (text.starts_with("//")) {
        answer(text.substr(1));
    } else if (text.starts_with('/')) {
        return run_command(text);
    } else {
        answer(text);
    }
    return true;
}

std::optional<std::string> ChatLoop::read_message() {
    for (;;) {
        terminal::LineSource::Read line = lines_.read(kPrompt);
        if (line.status == terminal::LineSource::Status::End) return std::nullopt;
        if (line.status == terminal::LineSource::Status::Interrupted) {
            if (leave_after_interrupt(line.text)) return std::nullopt;
            continue;
        }
        leaving_ = false;
        if (auto message = read_block(std::move(line.text))) return message;
    }
}

/// A first line that begins a block or ends in a backslash goes on; nothing when Ctrl-C took it back.
std::optional<std::string> ChatLoop::read_block(std::string first_line) {
    const bool block = first_line.starts_with(kBlock);
    std::string text = block ? first_line.substr(kBlock.size()) : std::move(first_line);
    const auto closes = [&] { return block && text.ends_with(kBlock); };
    const auto goes_on = [&] { return block ? !closes() : text.ends_with('\\'); };
    bool after_quotes = true;
    while (goes_on()) {
        if (!block) text.pop_back();
        const terminal::LineSource::Read line = lines_.read(kContinuation);
        if (line.status == terminal::LineSource::Status::Interrupted) {
            if (!output_.interactive) throw terminal::Interrupted{};
            terminal::clear_interrupt();
            return std::nullopt;
        }
        if (line.status == terminal::LineSource::Status::End) {
            if (block) throw Error(ErrorKind::BadInput, R"(the input ended inside a """ block)");
            return text;
        }
        // The line break right after the opening quotes is not a part of the message.
        if (!block || !after_quotes || !text.empty()) text += '\n';
        after_quotes = false;
        text += line.text;
    }
    if (block) {
        text.resize(text.size() - kBlock.size());
        if (text.ends_with('\n')) text.pop_back();
    }
    return text;
}

bool ChatLoop::leave_after_interrupt(const std::string& typed) {
    if (!output_.interactive) throw terminal::Interrupted{};
    terminal::clear_interrupt();
    if (!typed.empty()) {
        leaving_ = false;
        return false;
    }
    if (leaving_) return true;
    leaving_ = true;
    context_.terminal.note("Ctrl-C again, Ctrl-D or /quit leaves");
    return false;
}

app::Answer ChatLoop::answer(const std::string& message) {
    return stream(message, [&](const app::AnswerSink& sink) { return session_.ask(message, sink); });
}

app::Answer ChatLoop::stream(const std::string& query, const std::function<app::Answer(const app::AnswerSink&)>& make) {
    bool at_line_start = false;
    std::optional<terminal::WordWrapper> wrapper;
    if (const auto width = columns()) wrapper.emplace(*width);
    app::AnswerSink sink;
    std::string before;  // the end of what was written: joiners are seen only behind what they join
    if (!context_.json) {
        // Pieces are whole characters (generate/ sees to that), so that none can hide half of an escape sequence.
        sink.text = [&](std::string_view text) {
            const std::size_t begin = shown(before).size();
            before += text;
            const std::string piece = shown(before).substr(begin);
            before = last_characters(before);
            output_.write(wrapper ? wrapper->add(piece) : piece);
            at_line_start = text.ends_with('\n');
        };
    }
    sink.cancelled = [] { return terminal::interrupted(); };
    app::Answer answer = make(sink);
    if (wrapper) output_.write(wrapper->finish());
    if (context_.json) {
        say(answer_record(session_, query, answer).dump());
    } else if (!at_line_start) {
        output_.write("\n");
    }
    report(answer);
    if (output_.changed) output_.changed();
    return answer;
}

void ChatLoop::report(const app::Answer& answer) {
    const terminal::Terminal& terminal = context_.terminal;
    const generate::Result& result = answer.result;
    if (answer.dropped_turns > 0) {
        terminal.warn(fmt::format("the context is full: the oldest {} turn{} left out", answer.dropped_turns,
                                  answer.dropped_turns == 1 ? " was" : "s were"));
    }
    if (result.finish == generate::FinishReason::Cancelled) {
        terminal.note("(stopped)");
    } else if (answer.context_full) {
        terminal.warn("the answer is cut: the context is full (--context, /undo or /reset make room)");
    } else if (result.finish == generate::FinishReason::Length) {
        terminal.warn(fmt::format("the answer is cut after {} tokens (--max-tokens)", result.completion_tokens));
    } else if (result.text.empty()) {
        terminal.note("(the model gave an empty answer)");
    }
    terminal.detail(timings(answer));
}

std::string ChatLoop::shown(std::string_view text) const {
    return output_.escape_control ? printable(text) : std::string(text);
}

std::optional<std::size_t> ChatLoop::columns() const { return output_.columns ? output_.columns() : std::nullopt; }

void ChatLoop::say(std::string_view line) { output_.write(std::string(line) + "\n"); }

}  // namespace urial::cli
