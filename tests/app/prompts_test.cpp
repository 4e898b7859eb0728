#include "app/prompts.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/chat_fixture.h"
#include "support/expect_error.h"

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

}  // namespace
}  // namespace urial::app
