#include "app/prompts.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "support/chat_fixture.h"
#include "support/chat_server.h"
#include "support/expect_error.h"
#include "support/sandbox.h"

namespace urial::app {
namespace {

const std::shared_ptr<test::ScriptedModel> kModel = test::echo_model();

TEST(Prompts, a_mistake_is_found_before_there_is_a_model) {
    EXPECT_ERROR(open_prompt({.prompt = "urail"}, {}), ErrorKind::NotFound, "did you mean urial?");
    EXPECT_ERROR(open_prompt({.prompt = "chat", .chat_template = "gema"}, {}), ErrorKind::NotFound, "gemma");
    EXPECT_ERROR(open_prompt({.prompt = "urial", .chat_template = "gemma"}, {}), ErrorKind::BadInput,
                 "--chat-template goes with --prompt chat");
    EXPECT_ERROR(open_prompt({.prompt = "chat", .form = "v5"}, {}), ErrorKind::BadInput, "--form");
    EXPECT_ERROR(open_prompt({.prompt = "urial", .system = "\xFF"}, {}), ErrorKind::BadInput, "not UTF-8");
}

TEST(Prompts, a_model_without_a_chat_template_needs_one_for_chat) {
    EXPECT_ERROR(open_prompt({.prompt = "chat"}, {})(*kModel), ErrorKind::BadInput, "carries no chat template");
}

TEST(Prompts, a_template_whose_markers_the_vocabulary_lacks_is_a_warning) {
    std::vector<std::string> warnings;
    const Callbacks callbacks{.warning = [&](std::string_view text) { warnings.emplace_back(text); }};
    const PromptForm form = open_prompt({.prompt = "chat", .chat_template = "chatml"}, callbacks)(*kModel);
    EXPECT_EQ(name_of(form), "chatml");
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_NE(warnings[0].find("<|im_start|>"), std::string::npos);
}

TEST(Prompts, a_system_message_stands_where_the_form_has_its_place) {
    const prompt::Conversation conversation{{}, "Why?", "Rhyme."};
    const auto chat = source_of(engine::load_chat_template("chatml"), *kModel, "Be brief.");
    EXPECT_EQ(chat->render(conversation),
              "<|im_start|>system\nBe brief.\n\nRhyme.<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n"
              "<|im_start|>assistant\n");
    const auto text = source_of(test::chat_spec(), *kModel, "Be brief.");
    EXPECT_EQ(text->render(conversation), "Talk.\n\nBe brief.\n\nRhyme.\nQ: Why?\nA: ");
}

TEST(Prompts, an_answer_that_has_begun_is_continued) {
    for (const PromptForm& form : {PromptForm(test::chat_spec()), PromptForm(engine::load_chat_template("chatml"))}) {
        const auto source = source_of(form, *kModel, "");
        const std::vector<engine::Token> opened = source->tokenize(*kModel, {{}, "Why?"});
        const std::vector<engine::Token> begun = source->tokenize(*kModel, {{}, "Why?"}, "Because");
        std::string text;
        for (std::size_t i = opened.size(); i < begun.size(); ++i) text += kModel->piece(begun[i], false);
        EXPECT_EQ(text, "Because") << name_of(form);
    }
}

TEST(Prompts, retrieval_says_what_it_needs_before_anything_is_read) {
    EXPECT_ERROR(open_source({.prompt = "retrieval"}, {}), ErrorKind::BadInput, "--prompt retrieval needs --pool FILE");
    EXPECT_ERROR(open_source({.prompt = "retrieval", .retrieval = {.pool = "/nowhere/pool.jsonl"}}, {}),
                 ErrorKind::NotFound, "/nowhere/pool.jsonl");
    EXPECT_ERROR(open_source({.prompt = "retrieval", .form = "v5", .retrieval = {.pool = "p"}}, {}),
                 ErrorKind::BadInput, "--form");
    EXPECT_ERROR(open_source({.prompt = "retrieval", .chat_template = "gemma", .retrieval = {.pool = "p"}}, {}),
                 ErrorKind::BadInput, "--chat-template goes with --prompt chat");
    EXPECT_ERROR(open_source({.prompt = "urial", .retrieval = {.pool = "p"}}, {}), ErrorKind::BadInput,
                 "--pool goes with --prompt retrieval");
}

TEST(Prompts, retrieval_has_no_prompt_for_a_chat) {
    EXPECT_ERROR(open_prompt({.prompt = "retrieval"}, {}), ErrorKind::BadInput, "urial generate --prompt retrieval");
}

/// The two instructions of a pool are told apart by their vectors.
TEST(Prompts, retrieved_examples_come_from_the_pool_by_an_encoder_on_a_server) {
    const test::TemporaryFolder folder;
    const test::ScopedEnvironment cache("URIAL_CACHE", folder.path().string());
    const test::ChatServer server([](const test::ChatRequest& request) {
        nlohmann::json data = nlohmann::json::array();
        for (const auto& text : request.body.at("input")) {
            const double is_sky = text.get<std::string>().find("sky") != std::string::npos ? 1 : 0;
            data.push_back({{"index", data.size()}, {"embedding", {is_sky, 1 - is_sky}}});
        }
        test::ChatAnswer answer;
        answer.body = nlohmann::json{{"data", data}}.dump();
        return answer;
    });
    const fs::path pool = folder / "pool.jsonl";
    write_file_atomic(pool, R"({"instruction": "Is the sky blue?", "output": "Yes."})"
                            "\n"
                            R"({"instruction": "Name a fish.", "output": "Cod."})"
                            "\n"
                            R"({"instruction": "Name a bird.", "output": ""})"
                            "\n");
    PromptChoice choice{.prompt = "retrieval", .system = "Rhyme."};
    choice.retrieval.pool = pool.string();
    choice.retrieval.shots = 1;
    choice.retrieval.encoder.encoder = server.base_url() + "#encoder";
    std::vector<std::string> notes;
    const Callbacks callbacks{.note = [&](std::string_view text) { notes.emplace_back(text); }};
    const auto source = open_source(choice, callbacks)(*kModel);
    const std::string text = source->render({{}, "Why is the sky dark?"});
    EXPECT_NE(text.find("Rhyme."), std::string::npos);
    EXPECT_NE(text.find("Yes."), std::string::npos);
    EXPECT_EQ(text.find("Cod."), std::string::npos);
    ASSERT_EQ(notes.size(), 1u);
    EXPECT_NE(notes[0].find("1 items are left out"), std::string::npos) << notes[0];
    const std::string without = text;
    choice.retrieval.preamble = true;
    const std::string with = open_source(choice, {})(*kModel)->render({{}, "Why is the sky dark?"});
    EXPECT_GT(with.size(), without.size());
    EXPECT_EQ(with.find(prompt::builtin("urial").preamble.substr(0, 40)), 0u);
}

}  // namespace
}  // namespace urial::app
