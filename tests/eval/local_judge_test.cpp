#include "eval/local_judge.h"

#include <map>
#include <thread>

#include "eval/verdict.h"
#include "eval_testing.h"
#include "support/expect_error.h"
#include "support/scripted_model.h"

namespace urial::eval {
namespace {

const engine::ChatTemplate kTemplate{
    "test",
    "{% for message in messages %}[{{ message.role }}]{{ message.content }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"};
const engine::ChatTemplate kTemplateWithoutSystem{
    "test",
    "{% for message in messages %}{% if message.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "[{{ message.role }}]{{ message.content }}{% endfor %}[assistant]"};

const Json kDepthSchema = Json::parse(R"({"type": "object", "properties": {"depth": {"enum": [1, 2]}}})");

JudgeRequest request_about(const std::string& material, const std::string& constant = "Judge this: ") {
    return {"You judge.", constant + material, constant.size()};
}

/// Repeats what stands after the last colon of the request.
std::string echo(std::string_view prompt) {
    const std::size_t colon = prompt.rfind(": ");
    return "{" + std::string(prompt.substr(colon + 2, prompt.rfind("[assistant]") - colon - 2)) + "}";
}

std::shared_ptr<test::ScriptedModel> echoing_model() {
    return std::make_shared<test::ScriptedModel>(test::answer_after("[assistant]", echo));
}

LocalJudgeOptions options_of(int parallel = 4) {
    LocalJudgeOptions options;
    options.name = "tiny";
    options.chat_template = kTemplate;
    options.parallel = parallel;
    options.context_tokens = 2000;
    return options;
}

TEST(LocalJudge, requests_from_many_threads_each_get_their_own_reply) {
    const auto model = echoing_model();
    const auto judge = open_local_judge(model, options_of());
    std::vector<std::string> replies(40);
    std::vector<std::thread> threads;
    for (std::size_t thread = 0; thread < 8; ++thread) {
        threads.emplace_back([&, thread] {
            for (std::size_t i = thread; i < replies.size(); i += 8) {
                replies[i] = judge->ask(request_about("answer " + std::to_string(i)), kDepthSchema, 50).text;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (std::size_t i = 0; i < replies.size(); ++i) EXPECT_EQ(replies[i], "{answer " + std::to_string(i) + "}");
    EXPECT_EQ(model->log().prefix_decodes, 1U) << "the constant part is decoded once";
    EXPECT_LE(model->log().most_rows, 512U);
}

TEST(LocalJudge, rubrics_that_are_asked_in_turns_keep_their_own_constant_parts) {
    const auto model = echoing_model();
    const auto judge = open_local_judge(model, options_of(1));
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(judge->ask(request_about("a"), kDepthSchema, 50).text, "{a}");
        EXPECT_EQ(judge->ask(request_about("b", "A longer constant part: "), kDepthSchema, 50).text, "{b}");
    }
    EXPECT_EQ(model->log().prefix_decodes, 2U);
}

TEST(LocalJudge, says_what_was_sent_and_what_it_cost) {
    const auto judge = open_local_judge(echoing_model(), options_of());
    EXPECT_EQ(judge->name(), "tiny");
    const JudgeRequest request = request_about("x");
    const JudgeReply reply = judge->ask(request, kDepthSchema, 50);
    ASSERT_TRUE(reply.usage);
    const std::size_t rendered = std::string("[system]You judge.[user]Judge this: x[assistant]").size();
    EXPECT_EQ(reply.usage->prompt_tokens, rendered + 1) << "a token a byte, and BOS";
    EXPECT_EQ(judge->count_tokens(request, Json()), rendered + 1);
    EXPECT_EQ(reply.usage->completion_tokens, 4U) << "{x} and the end";
    const Json sent = Json::parse(reply.request);
    EXPECT_EQ(sent["messages"], Json::parse(R"([{"role": "system", "content": "You judge."},
                                                {"role": "user", "content": "Judge this: x"}])"));
    EXPECT_EQ(sent["schema"], kDepthSchema);
    EXPECT_EQ(sent["max_tokens"], 50);
}

TEST(LocalJudge, a_template_without_a_system_role_gets_its_text_before_the_request) {
    LocalJudgeOptions options = options_of();
    options.chat_template = kTemplateWithoutSystem;
    const auto judge = open_local_judge(echoing_model(), options);
    const Json sent = Json::parse(judge->ask(request_about("x"), kDepthSchema, 50).request);
    EXPECT_EQ(sent["messages"], Json::parse(R"([{"role": "user", "content": "You judge.\n\nJudge this: x"}])"));
}

TEST(LocalJudge, a_request_that_cannot_fit_is_a_failure_that_no_retry_changes) {
    const auto judge = open_local_judge(echoing_model(), options_of());
    const JudgeReply reply = judge->ask(request_about(std::string(3000, 'x')), kDepthSchema, 50);
    ASSERT_TRUE(reply.failure);
    EXPECT_FALSE(reply.failure->retryable);
    EXPECT_NE(reply.failure->message.find("context"), std::string::npos) << reply.failure->message;
    EXPECT_TRUE(reply.text.empty());
    EXPECT_EQ(judge->ask(request_about("x"), kDepthSchema, 50).text, "{x}") << "the next one is answered";
}

TEST(LocalJudge, a_constant_part_that_cannot_fit_fails_only_its_own_requests) {
    const auto judge = open_local_judge(echoing_model(), options_of());
    EXPECT_TRUE(judge->ask(request_about("x", std::string(3000, 'c') + ": "), kDepthSchema, 50).failure);
    EXPECT_EQ(judge->ask(request_about("x"), kDepthSchema, 50).text, "{x}");
}

TEST(LocalJudge, a_model_that_fails_ends_the_requests_under_way_and_no_others) {
    const auto model = std::make_shared<test::ScriptedModel>([](std::string_view text) -> std::optional<char> {
        if (text.find("break") != std::string_view::npos) throw Error(ErrorKind::Model, "the engine failed");
        return test::answer_after("[assistant]", echo)(text);
    });
    const auto judge = open_local_judge(model, options_of());
    const JudgeReply reply = judge->ask(request_about("break"), kDepthSchema, 50);
    ASSERT_TRUE(reply.failure);
    EXPECT_EQ(reply.failure->message, "the engine failed");
    EXPECT_EQ(judge->ask(request_about("x"), kDepthSchema, 50).text, "{x}");
}

TEST(LocalJudge, an_interruption_ends_the_replies_under_way_and_those_to_come) {
    std::unique_ptr<Judge> judge;
    const auto model = std::make_shared<test::ScriptedModel>([&](std::string_view text) -> std::optional<char> {
        if (text.ends_with("[assistant]zzz")) judge->interrupt();
        return 'z';
    });
    judge = open_local_judge(model, options_of());
    const JudgeReply under_way = judge->ask(request_about("x"), kDepthSchema, 1000);
    ASSERT_TRUE(under_way.failure) << under_way.text;
    EXPECT_TRUE(under_way.failure->retryable);
    EXPECT_TRUE(judge->ask(request_about("y"), kDepthSchema, 1000).failure);
}

TEST(LocalJudge, a_model_without_a_chat_template_cannot_judge) {
    EXPECT_ERROR(open_local_judge(echoing_model()), ErrorKind::BadInput, "a judge is a chat model");
}

}  // namespace
}  // namespace urial::eval
