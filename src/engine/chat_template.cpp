#include "engine/chat_template.h"

#include <algorithm>
#include <array>

#include <jinja/lexer.h>
#include <jinja/parser.h>
#include <jinja/runtime.h>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace urial::engine {
namespace {

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

ChatRenderOptions render_options(const Model& model, bool opens_answer) {
    return {.bos_token = special_text(model, model.info().bos),
            .eos_token = special_text(model, model.info().eos),
            .opens_answer = opens_answer};
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

}  // namespace

std::vector<ChatPart> render_chat(const ChatTemplate& form, std::span<const ChatMessage> messages,
                                  const ChatRenderOptions& options) {
    std::vector<ChatPart> parts;
    try {
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
        for (const jinja::string_part& part : gathered->val_str.parts) {
            if (!part.val.empty()) parts.push_back({part.val, part.is_input});
        }
    } catch (const std::exception& failure) {
        throw error(ErrorKind::BadInput,
                    "the chat template {} cannot be applied: {}; give another with --chat-template NAME|FILE",
                    form.name, reason(failure));
    }
    return parts;
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
                               bool opens_answer) {
    return tokenize_chat(model, render_chat(form, messages, render_options(model, opens_answer)));
}

bool takes_system_message(const Model& model, const ChatTemplate& form) {
    constexpr std::string_view kProbe = "Be brief.";
    const std::array messages{ChatMessage{"system", std::string(kProbe)}, ChatMessage{"user", "a"}};
    try {
        std::string text;
        for (const ChatPart& part : render_chat(form, messages, render_options(model, true))) text += part.text;
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

std::optional<Token> answer_end(const Model& model, const ChatTemplate& form) {
    const std::array messages{ChatMessage{"user", "a"}, ChatMessage{"assistant", "b"}};
    const std::vector<Token> opened = chat_tokens(model, form, std::span(messages).first(1));
    const std::vector<Token> whole = chat_tokens(model, form, messages, /*opens_answer=*/false);
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
    if (std::filesystem::is_regular_file(path)) return {path.filename().string(), read_text_file(path)};
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
