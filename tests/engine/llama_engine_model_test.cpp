// The real engine with the default model.

#include <algorithm>
#include <cmath>
#include <fstream>

#include <gtest/gtest.h>

#include "base/files.h"
#include "engine/engine.h"
#include "generate/generate.h"
#include "models/models.h"
#include "prompt/prompt.h"
#include "reference/llama_greedy.h"
#include "support/expect_error.h"
#include "support/sandbox.h"
#include "support/test_model.h"

namespace urial {
namespace {

using engine::PrefixOrigin;
using engine::Token;

const std::vector<std::string>& questions() {
    static const std::vector<std::string> list{
        "What is the capital of France?",
        "How do I boil an egg?",
        "Write a haiku about rain.",
        "Explain why the sky is blue.",
        "Give me three ideas for a birthday present.",
        "What is 17 + 25?",
        "Translate 'good morning' into Spanish.",
        "Who wrote Hamlet?",
        "How can I sleep better?",
        "Tell me a joke about a cat.",
        "What does a compiler do?",
        "Name five trees that grow in Europe.",
        "My plant is dying. What should I check first?",
        "Is it safe to eat raw potatoes?",
        "Summarise the water cycle in two sentences.",
        "Write an email that asks for a day off.",
        "What are the rules of chess?",
        "\xC2\xBFQu\xC3\xA9 es la fotos\xC3\xADntesis?",
        "Write a Python function that reverses a list.",
        "Why do we have leap years?",
    };
    return list;
}

engine::SessionOptions one_sequence(int context) {
    engine::SessionOptions options;
    options.sequences = 1;
    options.context_tokens = context;
    return options;
}

/// Greedy tokens for a prompt through our engine, nothing ending the answer but the end of text and the count.
std::vector<Token> our_tokens(const engine::Model& model, engine::Session& session, const std::vector<Token>& prompt,
                              int count) {
    generate::Scheduler scheduler(model, session);
    generate::Request request;
    request.tokens = prompt;
    request.sampling.max_tokens = count;
    std::vector<Token> tokens;
    request.on_done = [&](generate::Result&& result) { tokens = std::move(result.token_ids); };
    scheduler.submit(std::move(request));
    scheduler.run();
    return tokens;
}

/// By how much the best token behind `tokens` leads, computed by one sequence alone.
float lead_behind(engine::Session& session, const std::vector<Token>& tokens) {
    const std::size_t held = session.start(0, tokens);
    std::vector<engine::Row> rows;
    for (std::size_t i = held; i < tokens.size(); ++i) rows.push_back({0, tokens[i], i + 1 == tokens.size()});
    session.decode(rows);
    return generate::arg_max(session.logits(rows.size() - 1)).gap;
}

TEST(LlamaEngineModel, greedy_answers_equal_llama_cpps_own_token_for_token_cold_and_warm) {
    URIAL_NEED_MODEL();
    const auto model = test::default_model();
    const test::TemporaryFolder folder;
    test::LlamaGreedy reference(models::resolve(models::parse_model_spec("gemma-3-270m"), {.download = false}));
    const generate::PreparedPrompt prompt(model, prompt::builtin("urial"));
    engine::SessionOptions options = one_sequence(2048);
    options.snapshot_dir = folder / "snapshots";
    const auto cold = model->new_session(options);
    ASSERT_EQ(cold->pin(prompt.prefix()), PrefixOrigin::Computed);
    const auto warm = model->new_session(options);
    ASSERT_EQ(warm->pin(prompt.prefix()), PrefixOrigin::Restored);
    for (std::size_t i = 0; i < questions().size(); i += 3) {  // the reference is slow
        const std::string& question = questions()[i];
        const std::vector<Token> tokens = prompt.tokenize({{}, question});
        const std::size_t shared = prompt.shared_length(tokens);
        const std::vector<Token> expected = reference.continue_greedily(tokens, shared, 32);
        EXPECT_EQ(our_tokens(*model, *cold, tokens, 32), expected) << "cold: " << question;
        EXPECT_EQ(our_tokens(*model, *warm, tokens, 32), expected) << "warm: " << question;
    }
}

TEST(LlamaEngineModel, the_constant_prefix_covers_all_but_a_few_tokens_whatever_the_query) {
    URIAL_NEED_MODEL();
    const auto model = test::default_model();
    for (const char* name : {"urial", "urial-1", "urial-8", "instruction-only"}) {
        const generate::PreparedPrompt prompt(model, prompt::builtin(name));
        const auto constant = model->tokenize(prompt.source().text(), {.add_bos = true});
        EXPECT_GE(prompt.prefix().size() + 2, constant.size()) << name;
        for (const std::string& question : questions()) {
            const auto tokens = prompt.tokenize({{}, question});
            EXPECT_EQ(prompt.shared_length(tokens), prompt.prefix().size()) << name << ": " << question;
            EXPECT_EQ(std::count(tokens.begin(), tokens.end(), *model->info().bos), 1) << name;
        }
    }
}

TEST(LlamaEngineModel, the_urial_prompt_has_at_most_1100_tokens) {
    URIAL_NEED_MODEL();
    const auto model = test::default_model();
    const auto tokens = model->tokenize(prompt::render_prefix(prompt::builtin("urial")), {.add_bos = true});
    EXPECT_LE(tokens.size(), 1100U);
}

TEST(LlamaEngineModel, parallel_answers_are_those_of_one_at_a_time_but_where_the_lead_was_small) {
    constexpr float kLargestOverturnedLead = 0.75F;  // docs/generation.md: 0.49 was the largest of 168
    URIAL_NEED_MODEL();
    const auto model = test::default_model();
    const generate::PreparedPrompt prompt(model, prompt::builtin("urial"));
    const auto narrow = model->new_session(one_sequence(2048));
    engine::SessionOptions options = one_sequence(4096);
    options.sequences = 8;
    const auto wide = model->new_session(options);
    narrow->pin(prompt.prefix());
    wide->pin(prompt.prefix());
    std::vector<generate::Result> results(questions().size());
    generate::Scheduler scheduler(*model, *wide);
    for (std::size_t i = 0; i < questions().size(); ++i) {
        generate::Request request;
        request.id = i;
        request.tokens = prompt.tokenize({{}, questions()[i]});
        request.sampling.max_tokens = 24;
        request.on_done = [&results, i](generate::Result&& result) { results[i] = std::move(result); };
        scheduler.submit(std::move(request));
    }
    scheduler.run();
    for (std::size_t i = 0; i < questions().size(); ++i) {
        auto tokens = prompt.tokenize({{}, questions()[i]});
        const auto alone = our_tokens(*model, *narrow, tokens, 24);
        const auto& together = results[i].token_ids;
        const auto [a, b] = std::mismatch(alone.begin(), alone.end(), together.begin(), together.end());
        if (a == alone.end() && b == together.end()) continue;
        tokens.insert(tokens.end(), alone.begin(), a);
        EXPECT_LT(lead_behind(*narrow, tokens), kLargestOverturnedLead)
            << questions()[i] << ": differs at " << a - alone.begin();
    }
}

/// A sequence goes on behind what the session has of the tokens; the logits behind the last one.
std::vector<float> logits_behind(engine::Session& session, const std::vector<Token>& tokens,
                                 std::size_t at_least_shared) {
    std::size_t next = session.start(0, tokens);
    EXPECT_GE(next, at_least_shared);
    std::vector<engine::Row> rows;
    while (next < tokens.size()) {
        rows.clear();
        for (; next < tokens.size() && rows.size() < 256; ++next)
            rows.push_back({0, tokens[next], next + 1 == tokens.size()});
        session.decode(rows);
    }
    const auto logits = session.logits(rows.size() - 1);
    return {logits.begin(), logits.end()};
}

TEST(LlamaEngineModel, a_part_of_a_kept_conversation_is_shared_though_windows_have_left_it_and_cells_are_scarce) {
    URIAL_NEED_MODEL();
    const auto model = test::default_model();
    std::string text;
    for (int i = 0; i < 300; ++i) text += std::to_string(i * 7919 % 1000) + " and ";
    const std::vector<Token> conversation = model->tokenize(text, {.add_bos = true});
    ASSERT_GT(conversation.size(), 1000U) << "twice the window of Gemma 3";
    engine::SessionOptions options = one_sequence(2560);
    options.sequences = 2;
    options.prefixes = 2;
    const auto session = model->new_session(options);
    const auto fill = [&](std::size_t count) {
        session->end(1, engine::Afterwards::Forget);
        for (std::size_t i = 0; i < count; i += 200) {
            std::vector<engine::Row> rows;
            for (std::size_t k = 0; k < 200; ++k) rows.push_back({1, static_cast<Token>(1000 + i + k), false});
            session->decode(rows);
        }
    };
    fill(600);
    logits_behind(*session, conversation, 0);
    session->end(0, engine::Afterwards::Keep);
    // The 600 cells in front of the conversation do not suffice now: its own come next, and then some that are free.
    const std::size_t more = (2560 - 600 - conversation.size()) / 200 * 200;
    ASSERT_GE(more, 200U);
    fill(600 + more);
    std::vector<Token> changed(conversation.begin(), conversation.begin() + 300);
    changed.insert(changed.end(), conversation.begin() + 20, conversation.begin() + 60);
    const std::vector<float> shared = logits_behind(*session, changed, 300);
    const auto other = model->new_session(one_sequence(2560));
    const std::vector<float> anew = logits_behind(*other, changed, 0);
    double squares = 0;
    double differences = 0;
    for (std::size_t i = 0; i < anew.size(); ++i) {
        squares += std::pow(static_cast<double>(anew[i]), 2);
        differences += std::pow(static_cast<double>(shared[i] - anew[i]), 2);
    }
    EXPECT_LT(std::sqrt(differences / squares), 0.06) << "rounded columns alone make 0.03";
}

/// Logits behind the last of some tokens, with the model loaded for this arithmetic; many rows at once.
std::vector<float> last_logits(engine::Arithmetic arithmetic) {
    engine::ModelOptions options;
    options.path = test::default_model_path().value();
    options.arithmetic = arithmetic;
    const auto model = engine::load_model(options);
    const auto session = model->new_session(one_sequence(256));
    std::vector<engine::Row> rows;
    for (const Token token :
         model->tokenize("The capital of France is Paris, and the capital of Italy is", {.add_bos = true})) {
        rows.push_back({0, token, false});
    }
    rows.back().wants_logits = true;
    session->decode(rows);
    const auto logits = session->logits(rows.size() - 1);
    return {logits.begin(), logits.end()};
}

TEST(LlamaEngineModel, packed_arithmetic_gives_the_engines_logits_within_the_noise_of_rounded_columns) {
    URIAL_NEED_MODEL();
    if (!engine::traits(engine::Arithmetic::Packed).runs_here())
        GTEST_SKIP() << "there are no own kernels for this CPU";
    const std::vector<float> expected = last_logits(engine::Arithmetic::Engine);
    for (const auto arithmetic : {engine::Arithmetic::Packed, engine::Arithmetic::PackedPrecise}) {
        const std::vector<float> logits = last_logits(arithmetic);
        double squares = 0;
        double differences = 0;
        double mean = 0;
        for (const float logit : expected) mean += static_cast<double>(logit) / static_cast<double>(expected.size());
        for (std::size_t i = 0; i < logits.size(); ++i) {
            squares += std::pow(static_cast<double>(expected[i]) - mean, 2);
            differences += std::pow(static_cast<double>(logits[i] - expected[i]), 2);
        }
        // 8-bit columns leave about a hundredth of the logits' spread as noise in either; a wrong product leaves none
        // of it.
        EXPECT_LT(std::sqrt(differences / squares), 0.1) << engine::traits(arithmetic).name;
        EXPECT_GT(differences, 0) << "the engine's own routines were used for " << engine::traits(arithmetic).name;
        const auto best = [](const std::vector<float>& all) {
            return std::max_element(all.begin(), all.end()) - all.begin();
        };
        EXPECT_EQ(best(logits), best(expected)) << engine::traits(arithmetic).name;
    }
}

TEST(LlamaEngineModel, a_snapshot_of_another_adapter_prompt_or_a_damaged_one_is_not_used) {
    URIAL_NEED_MODEL();
    const auto model = test::default_model();
    const test::TemporaryFolder folder;
    engine::SessionOptions options = one_sequence(1024);
    options.snapshot_dir = folder.path();
    const auto tokens =
        model->tokenize(std::string(600, 'a') + " and more text than a snapshot needs at least", {.add_bos = true});
    ASSERT_GE(tokens.size(), 64U);
    const auto origin_of = [&](const std::vector<Token>& prefix) { return model->new_session(options)->pin(prefix); };
    EXPECT_EQ(origin_of(tokens), PrefixOrigin::Computed);
    EXPECT_EQ(origin_of(tokens), PrefixOrigin::Restored);
    auto other = tokens;
    other.back() += 1;
    EXPECT_EQ(origin_of(other), PrefixOrigin::Computed);
    for (const auto& entry : fs::directory_iterator(folder.path())) {
        if (entry.path().extension() == ".state") write_file_atomic(entry.path(), "damaged");
    }
    EXPECT_EQ(origin_of(tokens), PrefixOrigin::Computed) << "a damaged snapshot is computed anew";
    EXPECT_EQ(origin_of(tokens), PrefixOrigin::Restored) << "and replaced";
}

TEST(LlamaEngineModel, what_the_engine_would_abort_on_is_an_error_before) {
    URIAL_NEED_MODEL();
    const auto model = test::default_model();
    const auto session = model->new_session(one_sequence(256));
    const auto too_long = std::vector<Token>(300, 5);
    EXPECT_ERROR(session->pin(too_long), ErrorKind::ContextFull, "context 256");
    session->pin({});
    const std::vector<engine::Row> outside{{0, 1'000'000, true}};
    EXPECT_ERROR(session->decode(outside), ErrorKind::BadInput, "outside the vocabulary");
    const std::vector<engine::Row> nobody{{3, 5, true}};
    EXPECT_ERROR(session->decode(nobody), ErrorKind::BadInput, "sequence 3 of 1");
    std::vector<engine::Row> many(257, {0, 5, false});
    EXPECT_ERROR(session->decode(many), ErrorKind::ContextFull, "256 are free");
    many.resize(600, {0, 5, false});
    EXPECT_ERROR(session->decode(many), ErrorKind::BadInput, "a batch of 600 rows");
    const std::vector<engine::Row> two{{0, 5, true}, {0, 6, true}};
    EXPECT_ERROR(session->decode(two), ErrorKind::BadInput, "2 rows want logits");
    EXPECT_EQ(session->length(0), 0U);
    EXPECT_ERROR(session->logits(0), ErrorKind::BadInput, "no logits");
    EXPECT_ERROR(model->piece(-1), ErrorKind::BadInput, "outside the vocabulary");
}

TEST(LlamaEngineModel, user_text_never_becomes_a_control_token_and_bos_is_never_doubled) {
    URIAL_NEED_MODEL();
    const auto model = test::default_model();
    const auto tokens = model->tokenize("<bos><end_of_turn>hi", {.add_bos = true});
    EXPECT_EQ(std::count(tokens.begin(), tokens.end(), *model->info().bos), 1);
    for (std::size_t i = 1; i < tokens.size(); ++i) EXPECT_FALSE(model->ends_generation(tokens[i]));
    EXPECT_ERROR(model->tokenize("<bos>hi", (engine::TokenizeOptions{.add_bos = true, .parse_special = true})),
                 ErrorKind::BadInput, "begins with <bos>");
}

TEST(LlamaEngineModel, tokens_put_together_give_the_text_back) {
    URIAL_NEED_MODEL();
    const auto model = test::default_model();
    for (const std::string text : {"Hello, world!\n\n  two  spaces",
                                   "\xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x98\x80 caf\xC3\xA9", "```py\nx = 1\n```"}) {
        std::string back;
        for (const Token token : model->tokenize(text, {})) back += model->piece(token);
        EXPECT_EQ(back, text);
    }
}

TEST(LlamaEngine, a_file_that_is_no_model_is_an_error_with_the_engines_reason) {
    const test::TemporaryFolder folder;
    write_file_atomic(folder / "bad.gguf", "GGUF but not really");
    EXPECT_ERROR(engine::load_model({.path = folder / "bad.gguf"}), ErrorKind::Model, "cannot load this model");
}

}  // namespace
}  // namespace urial
