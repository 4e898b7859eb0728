#include "app/chat_session.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "support/chat_fixture.h"
#include "support/expect_text.h"

namespace urial::app {
namespace {

using test::chat_spec;
using test::contains;
using test::echo_model;

const AnswerSink kNowhere;

TEST(ChatSession, an_answer_becomes_a_turn_and_a_part_of_the_next_prompt) {
    ChatSession session(echo_model(), chat_spec(), {});
    EXPECT_EQ(session.ask("one", kNowhere).result.text, "You said one.");
    session.ask("two", kNowhere);
    EXPECT_EQ(session.show(std::nullopt).text, "Talk.\nQ: one\nA: You said one.\nQ: two\nA: ");
    EXPECT_EQ(session.turns().size(), 2U);
}

TEST(ChatSession, text_arrives_in_pieces_that_add_up_to_the_answer) {
    ChatSession session(echo_model(), chat_spec(), {});
    std::string streamed;
    std::size_t pieces = 0;
    AnswerSink sink;
    sink.text = [&](std::string_view text) {
        streamed += text;
        ++pieces;
    };
    EXPECT_EQ(streamed, "");
    const Answer answer = session.ask("hello", sink);
    EXPECT_EQ(streamed, answer.result.text);
    EXPECT_GT(pieces, 3U);
}

TEST(ChatSession, what_is_shown_is_what_the_tokens_say) {
    const std::shared_ptr<const engine::Model> model = echo_model();
    ChatSession session(model, chat_spec(), {});
    session.ask("one", kNowhere);
    const ChatSession::Shown next = session.show("what now?");
    std::string text;
    for (const engine::Token token : next.tokens) text += model->piece(token);
    EXPECT_EQ(text, next.text);
    EXPECT_EQ(next.text, "Talk.\nQ: one\nA: You said one.\nQ: what now?\nA: ");
}

TEST(ChatSession, before_the_first_message_the_constant_prefix_is_shown) {
    ChatSession session(echo_model(), chat_spec(), {});
    EXPECT_EQ(session.show(std::nullopt).text, "Talk.\n");
    EXPECT_EQ(session.show(std::nullopt).tokens.size(), session.show(std::nullopt).prefix_tokens);
}

TEST(ChatSession, a_system_message_joins_the_preamble_and_can_be_changed_and_taken_back) {
    ChatOptions options;
    options.system = "Rhyme.";
    ChatSession session(echo_model(), chat_spec(), options);
    EXPECT_EQ(session.show("one").text, "Talk.\n\nRhyme.\nQ: one\nA: ");
    EXPECT_EQ(std::get<prompt::PromptSpec>(session.form()).preamble, "Talk.\n") << "the prompt itself stays";
    EXPECT_EQ(session.ask("one", kNowhere).result.text, "You said one.");
    session.set_system("Be brief.");
    EXPECT_EQ(session.show(std::nullopt).text, "Talk.\n\nBe brief.\nQ: one\nA: ");
    EXPECT_THROW(session.set_system("caf\xE9"), Error);
    EXPECT_EQ(session.system(), "Be brief.");
    session.set_system("");
    EXPECT_EQ(session.show(std::nullopt).text, "Talk.\nQ: one\nA: ");
}

TEST(ChatSession, a_saved_conversation_keeps_its_system_message) {
    ChatOptions options;
    options.system = "Rhyme.";
    ChatSession session(echo_model(), chat_spec(), options);
    session.ask("one", kNowhere);
    ChatSession other(echo_model(), chat_spec(), {});
    other.load(session.save(), "chat.json");
    EXPECT_EQ(other.system(), "Rhyme.");
    EXPECT_EQ(other.show("two").text, "Talk.\n\nRhyme.\nQ: one\nA: You said one.\nQ: two\nA: ");
    nlohmann::json wrong = session.save();
    wrong["system"] = 5;
    EXPECT_THROW(other.load(wrong, "chat.json"), Error);
}

TEST(ChatSession, undo_takes_back_the_last_turn_only) {
    ChatSession session(echo_model(), chat_spec(), {});
    session.ask("one", kNowhere);
    session.ask("two", kNowhere);
    EXPECT_EQ(session.undo(), "two");
    EXPECT_EQ(session.undo(), "one");
    EXPECT_EQ(session.undo(), std::nullopt);
}

TEST(ChatSession, retry_answers_the_same_query_in_the_same_place) {
    ChatSession session(echo_model(), chat_spec(), {});
    session.ask("one", kNowhere);
    session.ask("two", kNowhere);
    EXPECT_EQ(session.retry(kNowhere).result.text, "You said two.");
    ASSERT_EQ(session.turns().size(), 2U);
    EXPECT_EQ(session.turns()[1].query, "two");
}

TEST(ChatSession, retry_without_a_turn_is_refused) {
    ChatSession session(echo_model(), chat_spec(), {});
    EXPECT_THROW(session.retry(kNowhere), Error);
}

TEST(ChatSession, a_stopped_answer_is_kept_as_far_as_it_got) {
    ChatSession session(echo_model(), chat_spec(), {});
    std::string streamed;
    AnswerSink sink;
    sink.text = [&](std::string_view text) { streamed += text; };
    sink.cancelled = [&] { return streamed.size() >= 4; };
    const Answer answer = session.ask("one", sink);
    EXPECT_EQ(answer.result.finish, generate::FinishReason::Cancelled);
    ASSERT_EQ(session.turns().size(), 1U);
    EXPECT_TRUE(test::begins_with("You said one.", session.turns()[0].answer));
    EXPECT_LT(session.turns()[0].answer.size(), std::string("You said one.").size());
}

TEST(ChatSession, an_answer_stopped_before_its_first_word_leaves_no_turn_and_a_retry_leaves_the_old_one) {
    ChatSession session(echo_model(), chat_spec(), {});
    AnswerSink at_once;
    at_once.cancelled = [] { return true; };
    session.ask("one", at_once);
    EXPECT_TRUE(session.turns().empty());
    session.ask("two", kNowhere);
    session.retry(at_once);
    ASSERT_EQ(session.turns().size(), 1U);
    EXPECT_EQ(session.turns()[0].answer, "You said two.");
}

TEST(ChatSession, an_answer_cut_inside_a_character_leaves_a_turn_that_is_valid_text) {
    ChatOptions options;
    options.sampling.max_tokens = 1;
    ChatSession session(test::answering_model([](std::string_view) { return "\xC3\xA4"; }), chat_spec(), options);
    session.ask("one", kNowhere);
    ASSERT_EQ(session.turns().size(), 1U);
    EXPECT_TRUE(is_valid_utf8(session.turns()[0].answer));
    EXPECT_NO_THROW(session.save().dump());
}

TEST(ChatSession, a_full_context_is_an_error_that_changes_nothing) {
    ChatOptions options;
    options.context_tokens = 100;
    options.sampling.max_tokens = 30;
    ChatSession session(echo_model(), chat_spec(), options);
    session.ask("one", kNowhere);
    try {
        session.ask(std::string(60, 'x'), kNowhere);
        FAIL() << "it must not fit";
    } catch (const Error& failure) {
        EXPECT_EQ(failure.kind(), ErrorKind::ContextFull);
    }
    EXPECT_EQ(session.turns().size(), 1U);
    EXPECT_EQ(session.ask("two", kNowhere).result.text, "You said two.");
}

TEST(ChatSession, a_full_context_drops_the_oldest_turns_when_asked_to_and_says_how_many) {
    ChatOptions options;
    options.context_tokens = 90;
    options.sampling.max_tokens = 30;
    options.overflow = generate::Overflow::DropOldest;
    ChatSession session(echo_model(), chat_spec(), options);
    session.ask("one", kNowhere);
    session.ask("two", kNowhere);
    const Answer answer = session.ask("three", kNowhere);
    EXPECT_EQ(answer.dropped_turns, 1U);
    EXPECT_FALSE(contains(session.show(std::nullopt).text, "one"));
    EXPECT_TRUE(contains(session.show(std::nullopt).text, "two"));
    EXPECT_TRUE(test::begins_with(session.show(std::nullopt).text, "Talk.\n"));
    EXPECT_EQ(session.turns().size(), 3U) << "the conversation itself is whole";
}

TEST(ChatSession, an_answer_that_reaches_the_end_of_the_context_says_so) {
    ChatOptions options;
    options.context_tokens = 400;
    options.sampling.max_tokens = 2000;
    ChatSession session(test::answering_model([](std::string_view) { return std::string(1000, 'y'); }), chat_spec(),
                        options);
    const Answer answer = session.ask("one", kNowhere);
    EXPECT_EQ(answer.result.finish, generate::FinishReason::Length);
    EXPECT_TRUE(answer.context_full);
}

TEST(ChatSession, the_default_context_is_the_models_own_up_to_a_limit) {
    EXPECT_EQ(ChatSession(echo_model(1000), chat_spec(), {}).context_tokens(), 1000U);
    EXPECT_EQ(ChatSession(echo_model(100'000), chat_spec(), {}).context_tokens(), std::size_t{kDefaultContext});
}

TEST(ChatSession, a_prompt_that_does_not_fit_leaves_the_old_one_in_place) {
    ChatOptions options;
    options.context_tokens = 400;
    ChatSession session(echo_model(), chat_spec(), options);
    prompt::PromptSpec large = chat_spec();
    large.preamble = std::string(1000, 'p');
    EXPECT_THROW(session.set_prompt(large), Error);
    EXPECT_EQ(session.ask("one", kNowhere).result.text, "You said one.");
}

TEST(ChatSession, a_saved_conversation_goes_on_where_it_was) {
    ChatOptions options;
    options.sampling.temperature = 0.5;
    options.sampling.stop = {"STOP"};
    options.overflow = generate::Overflow::DropOldest;
    ChatSession first(echo_model(), chat_spec(), options);
    first.ask("one", kNowhere);
    const nlohmann::json saved = nlohmann::json::parse(first.save().dump());

    prompt::PromptSpec other = chat_spec();
    other.preamble = "Something else.\n";
    ChatSession second(echo_model(), other, {});
    EXPECT_TRUE(second.load(saved, "chat.json").empty()) << "the same model: nothing to say";
    EXPECT_EQ(second.show("two").text, first.show("two").text);
    EXPECT_EQ(second.sampling().temperature, 0.5);
    EXPECT_EQ(second.sampling().stop, std::vector<std::string>{"STOP"});
    EXPECT_EQ(second.overflow(), generate::Overflow::DropOldest);
}

/// Says what chat_spec() says, as a chat template.
engine::ChatTemplate chat_form() {
    return {"lines",
            "{% for m in messages %}{{ {'system': '', 'user': 'Q: ', 'assistant': 'A: '}[m.role] + m.content }}\n"
            "{% endfor %}{% if add_generation_prompt %}A: {% endif %}"};
}

TEST(ChatSession, a_chat_template_is_a_prompt_like_any_other) {
    ChatOptions options;
    options.system = "Talk.";
    ChatSession session(echo_model(), chat_form(), options);
    EXPECT_EQ(session.ask("one", kNowhere).result.text, "You said one.");
    EXPECT_EQ(session.ask("two", kNowhere).result.text, "You said two.");
    EXPECT_EQ(session.show(std::nullopt).text, "Talk.\nQ: one\nA: You said one.\nQ: two\nA: ");

    ChatSession other(echo_model(), chat_spec(), {});
    other.load(nlohmann::json::parse(session.save().dump()), "chat.json");
    EXPECT_EQ(name_of(other.form()), "lines");
    EXPECT_EQ(other.show("three").text, session.show("three").text);
    other.set_prompt(chat_spec());
    EXPECT_EQ(other.show("three").text,
              "Talk.\n\nTalk.\nQ: one\nA: You said one.\nQ: two\nA: You said two.\nQ: three\nA: ")
        << "the system message stays, at the end of the preamble";
}

TEST(ChatSession, another_model_goes_on_with_a_saved_conversation_and_the_user_is_told) {
    ChatSession session(echo_model(), chat_spec(), {});
    session.ask("one", kNowhere);
    nlohmann::json saved = nlohmann::json::parse(session.save().dump());
    saved["model"] = {{"name", "Other"}, {"sha256", "0123"}};
    const std::vector<std::string> notes = session.load(saved, "chat.json");
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_TRUE(contains(notes[0], "Other"));
}

TEST(ChatSession, a_damaged_saved_conversation_is_refused_by_field_and_changes_nothing) {
    ChatSession session(echo_model(), chat_spec(), {});
    session.ask("one", kNowhere);
    const nlohmann::json good = nlohmann::json::parse(session.save().dump());
    const auto refusal = [&](const nlohmann::json& saved) -> std::string {
        try {
            session.load(saved, "chat.json");
        } catch (const Error& failure) {
            return failure.what();
        }
        return "accepted";
    };
    nlohmann::json bad = good;
    bad.erase("turns");
    EXPECT_TRUE(contains(refusal(bad), "chat.json: 'turns' is missing"));
    bad = good;
    bad["turns"][0]["answer"] = 3;
    EXPECT_TRUE(contains(refusal(bad), "turn 1: 'answer' must be text"));
    bad = good;
    bad["sampling"]["top_p"] = 7;
    EXPECT_TRUE(contains(refusal(bad), "top_p cannot be '7"));
    bad = good;
    bad["format"] = "other";
    EXPECT_TRUE(contains(refusal(bad), "not a saved conversation"));
    bad = good;
    bad["version"] = 99;
    EXPECT_TRUE(contains(refusal(bad), "'version' is 99"));
    EXPECT_TRUE(contains(refusal(nlohmann::json::array()), "a JSON object is needed"));
    EXPECT_EQ(session.turns().size(), 1U);
    EXPECT_EQ(session.sampling().top_p, 1);
}

TEST(ChatSession, a_later_turn_is_read_behind_the_conversation_so_far) {
    const auto model = echo_model();
    ChatSession session(model, chat_spec(), {});
    session.ask(std::string(500, 'x'), kNowhere);
    const std::size_t rows = model->log().rows;
    EXPECT_EQ(session.ask("two", kNowhere).result.text, "You said two.");
    EXPECT_LT(model->log().rows - rows, 100U);
    session.undo();
    EXPECT_EQ(session.ask("three", kNowhere).result.text, "You said three.");
    EXPECT_LT(model->log().rows - rows, 200U) << "also where the last turn is another one";
}

TEST(ChatSession, a_prompt_whose_reading_was_stopped_leaves_the_old_one_in_use) {
    bool stop = false;
    ChatOptions options;
    options.session.watch.cancelled = [&] { return stop; };
    ChatSession session(echo_model(), chat_spec(), options);
    prompt::PromptSpec other = chat_spec();
    other.preamble = "Talk otherwise.\n";
    stop = true;
    EXPECT_THROW(session.set_prompt(other), engine::Cancelled);
    EXPECT_EQ(session.ask("one", kNowhere).result.finish, generate::FinishReason::Cancelled);
    EXPECT_TRUE(session.turns().empty());
    stop = false;
    EXPECT_EQ(session.ask("one", kNowhere).result.text, "You said one.");
    EXPECT_EQ(session.show(std::nullopt).text, "Talk.\nQ: one\nA: ");
}

}  // namespace
}  // namespace urial::app
