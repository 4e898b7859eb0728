// What servers reply to requests for scores, tokens and answers, and everything that can be wrong with it: another try
// is asked for, and no number is made up.

#include "remote/token_wire.h"

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "remote/scoring_side.h"
#include "remote/scoring_testing.h"
#include "support/expect_text.h"
#include "support/sandbox.h"

namespace urial::remote {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using test::contains;

/// A reply as vLLM 0.32 gives it, for the prompt [2] and the answer [818, 9079], lists of three.
const char* const kVllm = R"({
  "id": "cmpl-1", "object": "text_completion", "model": "g",
  "choices": [{"index": 0, "text": " the", "finish_reason": "length", "stop_reason": null,
    "token_ids": [506], "prompt_token_ids": [2, 818, 9079],
    "prompt_logprobs": [null,
      {"818": {"logprob": -4.25, "rank": 12, "decoded_token": "The"},
       "107": {"logprob": -0.5, "rank": 1, "decoded_token": "\n"},
       "105": {"logprob": -1.5, "rank": 2, "decoded_token": "<start_of_turn>"},
       "236": {"logprob": -1.5, "rank": 3, "decoded_token": " "}},
      {"9079": {"logprob": -1.25, "rank": 2, "decoded_token": " sky"},
       "1000": {"logprob": -1.0, "rank": 1, "decoded_token": " sun"},
       "7": {"logprob": -9999.0, "rank": 3, "decoded_token": null}}]}],
  "usage": {"prompt_tokens": 3, "total_tokens": 4, "completion_tokens": 1}})";

/// The same from SGLang: the entry before the answer has no log-probability.
const char* const kSgLang = R"({"text": " the", "output_ids": [506], "meta_info": {
  "finish_reason": {"type": "length", "length": 1},
  "input_token_logprobs": [[null, 2, null], [-4.25, 818, "The"], [-1.25, 9079, " sky"]],
  "input_top_logprobs": [null,
    [[-0.5, 107, "\n"], [-1.5, 105, "<start_of_turn>"], [-1.5, 236, " "]],
    [[-1.0, 1000, " sun"], [-1.25, 9079, " sky"], [-3.0, 7, null]]]}})";

const TokenQuery kQuery{.model = "g", .prompt = {2}, .answer = {818, 9079}, .top_k = 3};

/// As the text of a reply gives it: numbers made here have other types.
ordered_json as_received(const ordered_json& reply) { return ordered_json::parse(reply.dump()); }

TEST(TokenWire, reads_the_scores_of_vllm) {
    const AnswerScores scores = read_scores(Software::Vllm, ordered_json::parse(kVllm), kQuery);
    ASSERT_EQ(scores.stats.size(), 2U);
    EXPECT_EQ(scores.stats[0].rank, 12U);
    EXPECT_EQ(scores.stats[0].logp, -4.25);
    const std::vector<shift::TopToken> first{{107, -0.5}, {105, -1.5}, {236, -1.5}};
    EXPECT_EQ(scores.stats[0].top, first) << "the token itself is not one of the three most likely";
    EXPECT_EQ(scores.stats[0].argmax(), 107);
    EXPECT_EQ(scores.stats[0].margin(), 1.0);
    EXPECT_EQ(scores.stats[1].rank, 2U);
    const std::vector<shift::TopToken> second{{1000, -1.0}, {9079, -1.25}};
    EXPECT_EQ(scores.stats[1].top, second) << "an impossible token is left out";
    EXPECT_EQ(scores.pieces.at(9079), " sky");
    EXPECT_EQ(scores.pieces.at(105), "<start_of_turn>");
}

TEST(TokenWire, reads_the_scores_of_sglang) {
    const AnswerScores scores = read_scores(Software::SgLang, ordered_json::parse(kSgLang), kQuery);
    ASSERT_EQ(scores.stats.size(), 2U);
    EXPECT_EQ(scores.stats[0].rank, std::nullopt);
    EXPECT_EQ(scores.stats[0].logp, -4.25);
    EXPECT_EQ(scores.stats[1].rank, 2U);
    EXPECT_EQ(scores.stats[1].top.size(), 3U);
    EXPECT_EQ(scores.pieces.at(818), "The");
}

TEST(TokenWire, of_listed_tokens_with_one_log_probability_the_smaller_id_has_the_better_rank) {
    ordered_json reply = ordered_json::parse(kVllm);
    ordered_json& entry = reply["choices"][0]["prompt_logprobs"][2];
    entry = {{"9079", {{"logprob", -1.0}, {"rank", 1}}},
             {"1000", {{"logprob", -1.0}, {"rank", 2}}},
             {"7", {{"logprob", -2}, {"rank", 3}}}};
    EXPECT_EQ(read_scores(Software::Vllm, as_received(reply), kQuery).stats[1].rank, 2U);
    EXPECT_EQ(read_scores(Software::Vllm, as_received(reply), kQuery).stats[1].argmax(), 1000);
    EXPECT_EQ(read_scores(Software::Vllm, as_received(reply), kQuery).stats[1].margin(), 0);
}

struct Wrong {
    const char* name;
    const char* pointer;  ///< what is changed in the reply
    json value;           ///< into this; discarded: it is taken out
    const char* reason;
};

std::string reason_of(Software software, const ordered_json& reply) {
    try {
        read_scores(software, as_received(reply), kQuery);
    } catch (const WrongReply& wrong) {
        return wrong.what();
    }
    return "";
}

void expect_refused(Software software, const char* right, const std::vector<Wrong>& table) {
    ASSERT_EQ(reason_of(software, ordered_json::parse(right)), "");
    for (const Wrong& wrong : table) {
        ordered_json reply = ordered_json::parse(right);
        const ordered_json::json_pointer pointer(wrong.pointer);
        if (wrong.value.is_discarded()) {
            reply[pointer.parent_pointer()].erase(pointer.back());
        } else {
            reply[pointer] = wrong.value;
        }
        EXPECT_TRUE(contains(reason_of(software, reply), wrong.reason))
            << wrong.name << ": " << reason_of(software, reply);
    }
}

const json kGone = json(json::value_t::discarded);

TEST(TokenWire, a_wrong_reply_of_vllm_is_named) {
    expect_refused(
        Software::Vllm, kVllm,
        {
            {"no choices", "/choices", kGone, "no \"choices\""},
            {"no choice", "/choices", json::array(), "0 choices instead of one"},
            {"no lists", "/choices/0/prompt_logprobs", kGone, "no \"prompt_logprobs\""},
            {"null lists", "/choices/0/prompt_logprobs", nullptr, "\"prompt_logprobs\" is no list"},
            {"fewer positions", "/choices/0/prompt_logprobs", json::array({nullptr, nullptr}),
             "2 positions instead of 3"},
            {"a null position", "/choices/0/prompt_logprobs/1", nullptr, "position 0 has no log-probabilities"},
            {"a list", "/choices/0/prompt_logprobs/1", json::array(), "position 0 has no log-probabilities"},
            {"other tokens", "/choices/0/prompt_token_ids", json{2, 818, 9080},
             "other tokens than those that were sent"},
            {"not its token", "/choices/0/prompt_logprobs/1/818", kGone, "position 0 does not speak of token 818"},
            {"a null number", "/choices/0/prompt_logprobs/1/818/logprob", nullptr, "position 0 has no log-probability"},
            {"a text", "/choices/0/prompt_logprobs/1/107/logprob", "-0.5", "position 0 has no log-probability"},
            {"above certainty", "/choices/0/prompt_logprobs/2/1000/logprob", 0.5,
             "position 1 has the log-probability 0.5"},
            {"rank 0", "/choices/0/prompt_logprobs/1/818/rank", 0, "position 0 has the rank 0"},
            {"a negative rank", "/choices/0/prompt_logprobs/1/818/rank", -3, "position 0 has the rank -3"},
            {"no rank", "/choices/0/prompt_logprobs/1/818/rank", kGone, "no \"rank\""},
            {"no number for an id",
             "/choices/0/prompt_logprobs/1/xyz",
             {{"logprob", -7}},
             "\"xyz\", which is no token id"},
            {"too many",
             "/choices/0/prompt_logprobs/1/55",
             {{"logprob", -7}, {"rank", 4}},
             "position 0 lists 5 tokens instead of 3"},
            {"an own token that others should stand behind", "/choices/0/prompt_logprobs/1/818/logprob", -0.75,
             "does not list its token"},
            {"none possible",
             "/choices/0/prompt_logprobs/2",
             {{"9079", {{"logprob", -9999}, {"rank", 1}}}, {"7", {{"logprob", -9999}, {"rank", 2}}}},
             "no possible token"},
        });
}

TEST(TokenWire, a_wrong_reply_of_sglang_is_named) {
    expect_refused(
        Software::SgLang, kSgLang,
        {
            {"no meta", "/meta_info", kGone, "no \"meta_info\""},
            {"no lists", "/meta_info/input_top_logprobs", kGone, "no \"input_top_logprobs\""},
            {"fewer positions", "/meta_info/input_token_logprobs", json::array(),
             "0 positions and 3 lists instead of 2"},
            {"another token", "/meta_info/input_token_logprobs/1/1", 819, "position 0 is of token 819, 818 was sent"},
            {"a null number", "/meta_info/input_token_logprobs/1/0", nullptr, "position 0 has no log-probability"},
            {"a null list", "/meta_info/input_top_logprobs/1", nullptr, "position 0 has no list"},
            {"no triple", "/meta_info/input_top_logprobs/1/0", 5, "position 0 is no [log-probability, id, text]"},
            {"a negative id", "/meta_info/input_top_logprobs/1/0/1", -1, "-1 is no token id"},
            {"one token twice", "/meta_info/input_top_logprobs/1/0/1", 236, "position 0 lists a token twice"},
        });
}

TEST(TokenWire, an_answer_without_an_end_or_with_other_counts_is_wrong) {
    const ordered_json right = ordered_json::parse(
        R"({"choices": [{"text": "Hi", "token_ids": [5, 1], "finish_reason": "stop", "logprobs": {"tokens": ["Hi", "<eos>"]}}]})");
    TokenQuery query{.model = "g", .prompt = {2}};
    const WrittenPart part = read_written(Software::Vllm, right, query);
    EXPECT_EQ(part.tokens, (std::vector<Token>{5, 1}));
    EXPECT_TRUE(part.has_ended);
    EXPECT_EQ(part.text, "Hi");
    for (const auto& [pointer, value] :
         std::vector<std::pair<const char*, json>>{{"/choices/0/token_ids", json::array()},
                                                   {"/choices/0/token_ids", json{5}},
                                                   {"/choices/0/token_ids", nullptr},
                                                   {"/choices/0/finish_reason", "length"},
                                                   {"/choices/0/finish_reason", "abort"},
                                                   {"/choices/0/logprobs", nullptr}}) {
        ordered_json reply = right;
        reply[ordered_json::json_pointer(pointer)] = value;
        EXPECT_THROW(read_written(Software::Vllm, reply, query), WrongReply) << pointer << value;
    }
    query.max_tokens = 1;
    EXPECT_THROW(read_written(Software::Vllm, right, query), WrongReply) << "more tokens than were asked for";
}

// ---- over the wire --------------------------------------------------------------------------------------------------

struct ScoringBehaviour {
    const char* name;
    test::ChatServer::Handler handler;  ///< of the first request for scores, or of all
    bool passes;                        ///< when it is asked again
    const char* reason = "";            ///< where it does not
};

test::ChatServer::Handler replying(int status, std::string body) {
    return [=](const test::ChatRequest&) { return reply(status, body); };
}

/// One item through a server that scores as `handler` says, at first or always. Returns the record.
ordered_json record_of(const ScoringBehaviour& behaviour) {
    const test::TemporaryFolder folder;
    const ScriptedScores scores{.says = "ab"};
    std::atomic<int> scored{0};
    const test::ChatServer good([&](const test::ChatRequest& request) { return scores.answer(request); });
    const test::ChatServer bad([&](const test::ChatRequest& request) {
        const bool is_of_scores = request.body.is_object() && request.body.contains("prompt_logprobs");
        return is_of_scores && (!behaviour.passes || ++scored == 1) ? behaviour.handler(request)
                                                                    : scores.answer(request);
    });
    shift::ShiftItem item;
    item.id = "0";
    item.conversation.query = "q";
    shift::ShiftOptions options;
    options.folder = folder / "run";
    ScoringSide base(std::make_shared<ModelServers>(options_for({bad.base_url()}, std::chrono::seconds(5))),
                     generate::in_context_prompt(test::small_prompt()));
    ScoringSide aligned(std::make_shared<ModelServers>(options_for({good.base_url()}, std::chrono::seconds(5))),
                        generate::in_context_prompt(test::small_prompt()));
    shift::run_shift(base, aligned, {item}, options);
    return records_of(shift::records_file(options.folder)).at(0);
}

TEST(TokenWire, what_passes_is_asked_again_and_what_stays_fails_the_answer_with_its_reason) {
    const auto torn = [](const test::ChatRequest&) {
        test::ChatAnswer answer = reply(200, std::string(5000, 'x'));
        answer.send = 300;
        return answer;
    };
    const std::string list_without_end = R"({"model": "org/tiny", "choices": [{"prompt_logprobs": [null, )";
    for (const ScoringBehaviour& behaviour : std::vector<ScoringBehaviour>{
             {"500", replying(500, "CUDA out of memory"), true},
             {"503", replying(503, ""), true},
             {"torn JSON", replying(200, list_without_end), true},
             {"-Infinity, which is no JSON", replying(200, list_without_end + R"({"5": {"logprob": -Infinity}}]}]})"),
              true},
             {"a torn connection", torn, true},
             {"an empty object", replying(200, "{}"), true},
             {"a list", replying(200, "[]"), true},
             {"out of memory for ever", replying(500, "CUDA out of memory"), false, "CUDA out of memory"},
             {"out of memory, with a remedy", replying(500, "CUDA out of memory"), false, "--max-num-batched-tokens"},
             {"null lists for ever", replying(200, R"({"choices": [{"prompt_logprobs": null}]})"), false,
              "\"prompt_logprobs\" is no list"},
             {"400", replying(400, R"({"error": {"message": "token 9 is out of vocabulary"}})"), false,
              "token 9 is out of vocabulary"},
         }) {
        const ordered_json record = record_of(behaviour);
        if (behaviour.passes) {
            EXPECT_FALSE(record.contains("error")) << behaviour.name << record.dump();
            EXPECT_EQ(record["answer"], "ab") << behaviour.name;
        } else {
            ASSERT_TRUE(record.contains("error")) << behaviour.name;
            EXPECT_TRUE(contains(record["error"].get<std::string>(), behaviour.reason))
                << behaviour.name << record["error"];
        }
        EXPECT_FALSE(contains(record.dump(), kKey)) << behaviour.name;
    }
}

}  // namespace
}  // namespace urial::remote
