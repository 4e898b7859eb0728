#pragma once

// In-context prompts: a specification (data) renders a conversation to the text that a base model continues.
// Pure: no files but those read by load_*, no engine, no tokens. See docs/prompts.md for the file format.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace urial::prompt {

struct Turn {
    std::string query;
    std::string answer;
    bool operator==(const Turn&) const = default;
};

/// What the user has said so far: finished turns, oldest first, and the query to answer.
struct Conversation {
    std::vector<Turn> turns;
    std::string query;
    std::string system = {};  ///< what the assistant is told beforehand; empty: nothing
};

/// The four literal texts around a query and its answer. One turn is
/// query_open + query + query_close + answer_open + answer + answer_close; a prompt ends after answer_open.
/// Newlines at the start of query_open are left out where nothing precedes it.
struct TurnForm {
    std::string query_open;
    std::string query_close;
    std::string answer_open;
    std::string answer_close;
    bool strip_query_newlines = false;  ///< leading and trailing newlines of a query are dropped (the v6 form)
    bool operator==(const TurnForm&) const = default;
};

/// One example conversation of the constant prefix. `forms` holds the literal texts where they differ from the prompt's
/// own form (imported files do not keep one form throughout).
struct Example {
    std::vector<Turn> turns;
    std::vector<TurnForm> forms;  ///< empty, or one per turn
};

/// A prompt specification. render_prefix() is preamble + every example; render() continues it with the conversation.
struct PromptSpec {
    std::string name;
    std::string version;
    std::string description;
    std::string preamble;
    std::vector<Example> examples;
    std::string suffix;  ///< literal end of the constant prefix, after the examples (imported files)
    TurnForm form;
    std::vector<std::string> headers;  ///< "# Query:", "# Answer:": at the start of a line they end an answer
    bool fenced = false;               ///< answers stand between ``` lines
    std::vector<std::string> stop;     ///< further stop strings, anywhere in the answer
};

/// How an answer ends, where no token of the model's own says so.
struct AnswerForm {
    std::vector<std::string> headers;
    bool fenced = false;
    std::vector<std::string> stop;
};
AnswerForm answer_form(const PromptSpec& spec);

/// The prompt with a system message at the end of its preamble, a paragraph of its own before the examples; what is
/// only white space changes nothing. Throws Error{BadInput} for text that is not UTF-8.
PromptSpec with_system(PromptSpec spec, std::string_view system);

struct RenderedPrompt {
    std::string text;
    std::size_t prefix_bytes = 0;  ///< text[0, prefix_bytes) is the same for every conversation
};

/// The constant part, byte for byte.
std::string render_prefix(const PromptSpec& spec);

/// What the model gets, not one byte more; a system message of the conversation's own as with_system() puts it. Throws
/// Error{BadInput} for a query that is empty or not UTF-8.
RenderedPrompt render(const PromptSpec& spec, const Conversation& conversation);

/// Names of the built-in prompts, in the order in which they are listed.
std::vector<std::string> builtin_names();

/// A built-in prompt by name. Throws Error{NotFound} with suggestions.
PromptSpec builtin(std::string_view name);

enum class Origin {
    Builtin,       ///< one of the built-in prompts, unchanged
    BuiltinsName,  ///< named like a built-in prompt, with other content
    Own,
};
/// By name and content: a file that says what a built-in prompt says is that prompt.
Origin origin_of(const PromptSpec& spec);

/// How an original URIAL text file continues with the query (they do not say; docs/prompts.md lists the forms).
enum class OriginalForm { Auto, Current, V5, V6, Older, OlderZeroShot };
OriginalForm parse_original_form(std::string_view name);  ///< throws Error{BadInput} with the names

/// Parses the text of an original URIAL prompt file. `name` chooses the form when it is Auto. An answer that stands
/// behind another pair (query, query, answer, answer) becomes an example of three turns, each with its own literal
/// texts. Throws Error{BadInput} with the line of the first thing that is not understood.
PromptSpec parse_original(std::string_view text, std::string_view name, OriginalForm form = OriginalForm::Auto);

/// A specification file (.toml). Throws Error{BadInput} with line and column.
PromptSpec parse_spec(std::string_view toml, std::string_view origin);
std::string format_spec(const PromptSpec& spec);

/// A built-in name, a .toml specification, or an original .txt file: what `--prompt` takes. A form other than Auto goes
/// with an original file, or with a prompt that has no constant part; else it is Error{BadInput}.
PromptSpec load(std::string_view name_or_path, OriginalForm form = OriginalForm::Auto);

struct Finding {
    enum class Level { Warning, Note } level = Level::Warning;
    std::string text;
};

/// What hurts a prompt: a stop string inside an example, unbalanced fences, no refusal, no examples, ...
/// `prefix_tokens` and `context_tokens` where known (a prefix beyond a third of the context is a warning).
std::vector<Finding> check(const PromptSpec& spec, std::optional<std::size_t> prefix_tokens = std::nullopt,
                           std::optional<std::size_t> context_tokens = std::nullopt);

/// Finds the end of an answer in text that arrives in pieces, and holds back what may yet turn out to be the end.
/// Rules (docs/prompts.md): in a fenced prompt a line of ``` with no language, outside a code block, is the answer's
/// own closing fence, unless the last line with text before it ends with ':' (it opens a code block then); ```lang
/// always opens one; a header of the prompt at the start of a line ends the answer everywhere; a stop string ends it
/// anywhere. The newline before a closing fence, and all newlines directly before a header, belong to the end. Nothing
/// is removed from inside an answer. Bytes in, bytes out: a piece may be cut inside a UTF-8 character.
class AnswerScanner {
public:
    enum class End { None, ClosingFence, Header, StopString };

    /// Throws Error{BadInput} for an empty stop string.
    explicit AnswerScanner(AnswerForm form, std::vector<std::string> extra_stops = {});

    /// Takes the next piece and returns the text that is now sure to belong to the answer. After an end it is empty.
    std::string push(std::string_view piece);
    /// Takes a piece that belongs to the answer whatever it says, and returns it with what was held back. No stop
    /// string or line that begins in it or before it ends the answer.
    std::string pass(std::string_view piece);
    /// No more pieces will come: returns what was held back.
    std::string finish();

    End end() const { return end_; }
    /// Bytes of the answer that were returned.
    std::size_t released() const { return released_; }
    /// The stop string or header that ended the answer, empty otherwise.
    const std::string& matched() const { return matched_; }
    /// The stop string that ended the answer, empty where something else did.
    std::string_view matched_stop() const { return end_ == End::StopString ? matched_ : std::string_view(); }

private:
    void accept(char byte);
    void add(char byte);
    void end_line();
    bool closes_answer(std::string_view complete_line) const;
    std::size_t sure_size() const;
    void finish_at(std::size_t begin, End end, std::string_view matched);
    std::string release(std::size_t limit);
    std::size_t newline_before(std::size_t position) const;
    std::string_view line() const;

    std::vector<std::string> headers_;
    std::vector<std::string> stops_;
    bool fenced_;
    std::string text_;                // the answer so far, with what is held back
    std::size_t released_ = 0;        // bytes of text_ that push() has returned
    std::size_t passed_ = 0;          // bytes of text_ up to the end of the last pass()
    std::size_t line_begin_ = 0;      // where the current line begins in text_
    std::size_t newlines_begin_ = 0;  // where the newlines directly before it begin
    bool may_be_fence_ = true;        // the current line can still become a closing fence, or is one
    std::size_t code_fence_ = 0;      // backticks of the fence that opened the current code block, 0 outside one
    bool announces_code_ = false;     // the last line with text ends with ':'
    End end_ = End::None;
    std::string matched_;
};

}  // namespace urial::prompt
