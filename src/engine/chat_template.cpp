#include "engine/chat_template.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <jinja/lexer.h>
#include <jinja/parser.h>
#include <jinja/runtime.h>

#include "base/error.h"
#include "base/files.h"
#include "base/mutex.h"
#include "base/text.h"
#include "engine/confined.h"

namespace urial::engine {
namespace {

/// Ten times the longest that models are published with.
constexpr std::uint64_t kMostSourceBytes = 1'000'000;
/// What a template may write beside the conversation, which it may repeat.
constexpr std::size_t kMostOwnOutputBytes = 262'144;
constexpr std::size_t kMostRepetitions = 4;

struct BuiltinForm {
    std::string_view name;
    std::string_view
        marker;  ///< a control token that only vocabularies of this form have; empty: plain text marks turns
    std::string_view source;
};

/// Ours, written after the public descriptions of the forms. A system message goes where each form puts it.
constexpr std::array kBuiltins{
    BuiltinForm{"gemma", "<start_of_turn>",
                R"({{ bos_token }}{% set first = namespace(text='') %}{% for m in messages %}{% if m.role == 'system' %}
{%- set first.text = m.content | trim %}{% else %}<start_of_turn>{{ 'model' if m.role == 'assistant' else 'user' }}
{% if first.text %}{{ first.text }}

{% set first.text = '' %}{% endif %}{{ m.content | trim }}<end_of_turn>
{% endif %}{% endfor %}{% if add_generation_prompt %}<start_of_turn>model
{% endif %})"},
    BuiltinForm{"chatml", "<|im_start|>",
                R"({% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %})"},
    BuiltinForm{"llama2", "",
                R"({% set first = namespace(text='') %}{% for m in messages %}{% if m.role == 'system' %}
{%- set first.text = '<<SYS>>\n' + m.content + '\n<</SYS>>\n\n' %}{% elif m.role == 'user' %}
{{- bos_token }}[INST] {{ first.text }}{{ m.content | trim }} [/INST]{% set first.text = '' %}{% else %}
{{- ' ' }}{{ m.content | trim }} {{ eos_token }}{% endif %}{% endfor %})"},
    BuiltinForm{"llama3", "<|start_header_id|>",
                R"({{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>

{{ m.content | trim }}<|eot_id|>{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>

{% endif %})"},
    BuiltinForm{"mistral", "",
                R"({{ bos_token }}{% set first = namespace(text='') %}{% for m in messages %}{% if m.role == 'system' %}
{%- set first.text = m.content + '\n\n' %}{% elif m.role == 'user' %}[INST] {{ first.text }}{{ m.content }} [/INST]
{%- set first.text = '' %}{% else %}{{ ' ' }}{{ m.content | trim }}{{ eos_token }}{% endif %}{% endfor %})"},
};

/// The last line of the Jinja engine's message says what is wrong; the lines before it show the source.
std::string reason(const std::exception& failure) {
    std::string text(trim(failure.what()));
    const std::size_t line = text.rfind('\n');
    return line == std::string::npos ? text : text.substr(line + 1);
}

jinja::value message_value(const ChatMessage& message) {
    auto object = jinja::mk_val<jinja::value_object>();
    auto content = jinja::mk_val<jinja::value_string>(message.content);
    content->val_str.mark_input();
    object->insert("role", jinja::mk_val<jinja::value_string>(message.role));
    object->insert("content", content);
    return object;
}

bool is_control(const Model& model, Token token) {
    return model.piece(token, false).empty() && !model.piece(token, true).empty();
}

/// A model's end-of-text token as text; empty where there is none.
std::string special_text(const Model& model, const std::optional<Token>& token) {
    return token ? model.piece(*token, true) : "";
}

/// Collects plain text until a control token comes.
class ChatTokens {
public:
    explicit ChatTokens(const Model& model) : model_(model) {}

    void add_template_text(std::string_view text) {
        for (const Token token : model_.tokenize(text, {.parse_special = true})) {
            if (!is_control(model_, token)) continue;
            const std::string marker = model_.piece(token, true);
            const std::size_t found = text.find(marker);
            if (found == std::string_view::npos) continue;
            plain_ += text.substr(0, found);
            flush();
            tokens_.push_back(token);
            text.remove_prefix(found + marker.size());
        }
        plain_ += text;
    }
    void add_message_text(std::string_view text) { plain_ += text; }

    std::vector<Token> take() {
        flush();
        return std::move(tokens_);
    }

private:
    void flush() {
        if (plain_.empty()) return;
        const std::vector<Token> more = model_.tokenize(plain_, {.parse_special = false});
        tokens_.insert(tokens_.end(), more.begin(), more.end());
        plain_.clear();
    }

    const Model& model_;
    std::vector<Token> tokens_;
    std::string plain_;
};

bool has_control_token(const Model& model, std::string_view text) {
    const std::vector<Token> tokens = model.tokenize(text, {.parse_special = true});
    return tokens.size() == 1 && is_control(model, tokens.front());
}

bool is_builtin(const ChatTemplate& form) {
    return std::ranges::any_of(kBuiltins, [&](const BuiltinForm& each) { return each.source == form.source; });
}

std::vector<ChatPart> apply(const ChatTemplate& form, std::span<const ChatMessage> messages,
                            const ChatRenderOptions& options) {
    jinja::lexer lexer;
    const jinja::lexer_result lexed = lexer.tokenize(form.source);
    const jinja::program program = jinja::parse_from_tokens(lexed);
    jinja::context context(form.source);
    auto list = jinja::mk_val<jinja::value_array>();
    for (const ChatMessage& message : messages) list->push_back(message_value(message));
    context.set_val("messages", list);
    context.set_val("bos_token", jinja::mk_val<jinja::value_string>(options.bos_token));
    context.set_val("eos_token", jinja::mk_val<jinja::value_string>(options.eos_token));
    context.set_val("add_generation_prompt", jinja::mk_val<jinja::value_bool>(options.opens_answer));
    jinja::runtime runtime(context);
    const auto gathered = jinja::runtime::gather_string_parts(runtime.execute(program));
    std::vector<ChatPart> parts;
    for (const jinja::string_part& part : gathered->val_str.parts) {
        if (!part.val.empty()) parts.push_back({part.val, part.is_input});
    }
    return parts;
}

/// Neighbours of one origin become one part: a template may write its text letter by letter.
std::vector<ChatPart> merged(std::vector<ChatPart> parts) {
    std::vector<ChatPart> result;
    for (ChatPart& part : parts) {
        if (!result.empty() && result.back().from_message == part.from_message) {
            result.back().text += part.text;
        } else {
            result.push_back(std::move(part));
        }
    }
    return result;
}

/// Parts as bytes: for each its origin, its length and its text.
std::string packed(const std::vector<ChatPart>& parts) {
    std::string bytes;
    for (const ChatPart& part : parts) {
        const std::uint64_t length = part.text.size();
        bytes += part.from_message ? '\1' : '\0';
        bytes.append(reinterpret_cast<const char*>(&length), sizeof(length));
        bytes += part.text;
    }
    return bytes;
}

std::vector<ChatPart> unpacked(std::string_view bytes) {
    std::vector<ChatPart> parts;
    std::uint64_t length = 0;
    constexpr std::size_t kHeader = 1 + sizeof(length);
    while (bytes.size() >= kHeader) {
        std::memcpy(&length, bytes.data() + 1, sizeof(length));
        parts.push_back({std::string(bytes.substr(kHeader, length)), bytes.front() != '\0'});
        bytes.remove_prefix(kHeader + parts.back().text.size());
    }
    return parts;
}

/// What comes with a model or from a file may be made to crash the engine, to loop or to fill the memory.
std::vector<ChatPart> apply_confined(const ChatTemplate& form, std::span<const ChatMessage> messages,
                                     const ChatRenderOptions& options) {
    if (form.source.size() > kMostSourceBytes) {
        throw error(ErrorKind::BadInput, "it has {} bytes, at most {} are read", form.source.size(), kMostSourceBytes);
    }
    std::size_t conversation_bytes = 0;
    for (const ChatMessage& message : messages) conversation_bytes += message.role.size() + message.content.size();
    Confinement limits;
    limits.cpu_time = options.cpu_time;
    limits.output_bytes = kMostOwnOutputBytes + kMostRepetitions * conversation_bytes;
    const ConfinedResult result = run_confined(limits, [&] { return packed(merged(apply(form, messages, options))); });
    switch (result.end) {
        case ConfinedResult::End::Returned: return unpacked(result.text);
        case ConfinedResult::End::OutOfTime:
            throw error(ErrorKind::BadInput, "it was not done after {} ms", limits.cpu_time.count());
        case ConfinedResult::End::Threw:
            // The Jinja engine makes its own exception of each that passes through it.
            if (result.text.find("bad_alloc") == std::string::npos) throw Error(ErrorKind::BadInput, result.text);
            [[fallthrough]];
        case ConfinedResult::End::OutOfMemory:
            throw error(ErrorKind::BadInput, "it needs more than {}",
                        human_bytes(static_cast<double>(limits.memory_bytes)));
        case ConfinedResult::End::TooMuchOutput:
            throw error(ErrorKind::BadInput, "it writes more than {} bytes for a conversation of {}",
                        limits.output_bytes, conversation_bytes);
        case ConfinedResult::End::Crashed: break;
    }
    throw error(ErrorKind::BadInput, "the template engine crashed on it ({}); it may be nested too deeply",
                result.text);
}

}  // namespace

std::vector<ChatPart> render_chat(const ChatTemplate& form, std::span<const ChatMessage> messages,
                                  const ChatRenderOptions& options) {
    // The Jinja engine has statics that are made at first use: no process may be forked while another thread makes
    // them.
    static Mutex one_at_a_time;
    const MutexLock lock(one_at_a_time);
    try {
        return is_builtin(form) ? apply(form, messages, options) : apply_confined(form, messages, options);
    } catch (const std::exception& failure) {
        throw error(ErrorKind::BadInput,
                    "the chat template {} cannot be applied: {}; give another with --chat-template NAME|FILE",
                    form.name, reason(failure));
    }
}

ChatRenderOptions render_options(const Model& model) {
    return {.bos_token = special_text(model, model.info().bos), .eos_token = special_text(model, model.info().eos)};
}

std::vector<Token> tokenize_chat(const Model& model, std::span<const ChatPart> parts) {
    ChatTokens collected(model);
    for (const ChatPart& part : parts) {
        if (part.from_message) {
            collected.add_message_text(part.text);
        } else {
            collected.add_template_text(part.text);
        }
    }
    std::vector<Token> tokens = collected.take();
    const std::optional<Token> bos = model.info().bos;
    if (!bos) return tokens;
    if (tokens.size() >= 2 && tokens[0] == *bos && tokens[1] == *bos) {
        throw error(ErrorKind::BadInput, "the chat template writes {} twice at its beginning; remove one of them",
                    model.piece(*bos, true));
    }
    if (model.info().adds_bos && (tokens.empty() || tokens.front() != *bos)) tokens.insert(tokens.begin(), *bos);
    return tokens;
}

std::vector<Token> chat_tokens(const Model& model, const ChatTemplate& form, std::span<const ChatMessage> messages,
                               std::string_view answer) {
    std::vector<ChatPart> parts = render_chat(form, messages, render_options(model));
    if (!answer.empty()) parts.push_back({std::string(answer), true});
    return tokenize_chat(model, parts);
}

bool takes_system_message(const Model& model, const ChatTemplate& form) {
    constexpr std::string_view kProbe = "Be brief.";
    const std::array messages{ChatMessage{"system", std::string(kProbe)}, ChatMessage{"user", "a"}};
    try {
        std::string text;
        for (const ChatPart& part : render_chat(form, messages, render_options(model))) text += part.text;
        return text.find(kProbe) != std::string::npos;
    } catch (const Error&) {
        return false;  // a form that refuses more than this says so when the conversation itself is rendered
    }
}

std::vector<ChatMessage> system_in_front_of_user(std::vector<ChatMessage> messages) {
    if (messages.size() < 2 || messages[0].role != "system" || messages[1].role != "user") return messages;
    messages[1].content = messages[0].content + "\n\n" + messages[1].content;
    messages.erase(messages.begin());
    return messages;
}

std::vector<std::string> unknown_markers(const Model& model, const ChatTemplate& form) {
    // Written as control tokens are in most vocabularies; and the one form whose markers are written otherwise.
    constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kShapes{
        {{"<|", "|>"}, {"<\xEF\xBD\x9C", "\xEF\xBD\x9C>"}, {"<start_of_", ">"}, {"<end_of_", ">"}}};
    constexpr std::size_t kLongestMarker = 48;
    const std::array messages{ChatMessage{"user", "a"}, ChatMessage{"assistant", "b"}, ChatMessage{"user", "c"}};
    std::vector<std::string> unknown;
    for (const ChatPart& part : render_chat(form, messages, {})) {
        if (part.from_message) continue;
        for (const auto& [open, close] : kShapes) {
            for (std::size_t at = part.text.find(open); at != std::string::npos; at = part.text.find(open, at + 1)) {
                const std::size_t end = part.text.find(close, at + open.size());
                if (end == std::string::npos) break;
                std::string marker = part.text.substr(at, end + close.size() - at);
                const bool is_word =
                    marker.size() <= kLongestMarker && marker.find_first_of(" \n\t") == std::string::npos;
                if (is_word && !has_control_token(model, marker) &&
                    std::ranges::find(unknown, marker) == unknown.end()) {
                    unknown.push_back(std::move(marker));
                }
            }
        }
    }
    return unknown;
}

std::optional<Token> answer_end(const Model& model, const ChatTemplate& form) {
    const std::array messages{ChatMessage{"user", "a"}, ChatMessage{"assistant", "b"}};
    const std::vector<Token> opened = chat_tokens(model, form, std::span(messages).first(1));
    ChatRenderOptions options = render_options(model);
    options.opens_answer = false;
    const std::vector<Token> whole = tokenize_chat(model, render_chat(form, messages, options));
    for (std::size_t i = std::min(opened.size(), whole.size()); i < whole.size(); ++i) {
        if (model.ends_generation(whole[i])) return whole[i];
    }
    return std::nullopt;
}

std::vector<std::string> builtin_chat_template_names() {
    std::vector<std::string> names;
    for (const BuiltinForm& form : kBuiltins) names.emplace_back(form.name);
    return names;
}

ChatTemplate load_chat_template(std::string_view name_or_path) {
    for (const BuiltinForm& form : kBuiltins) {
        if (form.name == name_or_path) return {std::string(form.name), std::string(form.source)};
    }
    const std::filesystem::path path(name_or_path);
    if (std::filesystem::is_regular_file(path)) {
        if (const auto bytes = std::filesystem::file_size(path); bytes > kMostSourceBytes) {
            throw error(ErrorKind::BadInput, "{}: a chat template of {} bytes; at most {} are read", path.string(),
                        bytes, kMostSourceBytes);
        }
        return {path.filename().string(), read_text_file(path)};
    }
    const std::vector<std::string> names = builtin_chat_template_names();
    throw error(ErrorKind::NotFound, "{}: neither a built-in chat template ({}) nor a file{}", name_or_path,
                fmt::join(names, ", "), did_you_mean(name_or_path, names));
}

std::optional<ChatTemplate> find_chat_template(const Model& model) {
    if (!model.info().chat_template.empty()) return ChatTemplate{"of the model", model.info().chat_template};
    for (const BuiltinForm& form : kBuiltins) {
        if (!form.marker.empty() && has_control_token(model, form.marker)) {
            return ChatTemplate{std::string(form.name), std::string(form.source)};
        }
    }
    return std::nullopt;
}

}  // namespace urial::engine
