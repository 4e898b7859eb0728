// The real pair against an independent oracle: fixtures/README.md says where its numbers are from.

#include <algorithm>
#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"

#include "engine/convert.h"
#include "models/models.h"
#include "shift/record.h"
#include "shift/shift.h"
#include "support/paths.h"
#include "support/sandbox.h"
#include "support/test_model.h"

namespace urial::shift {
namespace {

using nlohmann::ordered_json;

struct Agreement {
    std::size_t positions = 0, ranks = 0, classes = 0;
    double kl = 0, oracle_kl = 0;              // of all positions
    double inner_kl = 0, inner_oracle_kl = 0;  // without the tokens that end the answers

    double rank_share() const { return static_cast<double>(ranks) / static_cast<double>(positions); }
    double class_share() const { return static_cast<double>(classes) / static_cast<double>(positions); }
    double kl_error() const { return std::abs(kl / oracle_kl - 1); }
    double inner_kl_error() const { return std::abs(inner_kl / inner_oracle_kl - 1); }
};

class RealPairTest : public ::testing::Test {
protected:
    void SetUp() override {
        URIAL_NEED_MODEL();
        path_ = test::default_model_path();
        items_ = read_answers(test::source_path("tests/shift/fixtures/gemma_pair.jsonl")).items;
    }

    void load(const std::filesystem::path& path, engine::Arithmetic arithmetic = engine::Arithmetic::Engine) {
        engine::ModelOptions model;
        model.arithmetic = arithmetic;
        model.path = path;
        model.content_hash = path.filename();
        model.adapters = {{test::source_path("models/gemma3-270m-chat-lora.gguf")}};
        base_.model = aligned_.model = engine::load_model(model);
        base_.use_adapters = false;
        base_.prompt = generate::in_context_prompt(prompt::builtin("zero-shot"));
        aligned_.prompt = generate::chat_prompt(*aligned_.model, engine::load_chat_template("gemma"));
    }

    std::map<std::string, ordered_json> run(const std::filesystem::path& name) {
        ShiftOptions options;
        options.folder = folder_ / name;
        options.max_tokens = 80;
        EXPECT_EQ(run_shift(base_, aligned_, items_, options).progress.done, items_.size());
        std::map<std::string, ordered_json> records;
        for_each_json_line(records_file(options.folder), [&](std::size_t, ordered_json&& record) {
            const std::string id = record["id"].dump();
            records[id] = std::move(record);
        });
        return records;
    }

    Agreement compare(const std::map<std::string, ordered_json>& records) const {
        Agreement agreement;
        for (const ShiftItem& item : items_) {
            const ordered_json& oracle = item.fields.at("oracle");
            const ordered_json& record = records.at(item.id);
            for (std::size_t i = 0; i < item.answer_ids.size(); ++i) {
                const auto rank = record.at("base_rank").at(i).get<std::size_t>();
                const auto oracle_rank = oracle.at("base_rank").at(i).get<std::size_t>();
                ++agreement.positions;
                agreement.ranks += rank == oracle_rank ? 1 : 0;
                agreement.classes += shift_class(rank) == shift_class(oracle_rank) ? 1 : 0;
                const auto kl = record.at("kl_ab").at(i).get<double>();
                const auto oracle_kl = oracle.at("kl_ab").at(i).get<double>();
                agreement.kl += kl;
                agreement.oracle_kl += oracle_kl;
                if (i + 1 == item.answer_ids.size()) continue;
                agreement.inner_kl += kl;
                agreement.inner_oracle_kl += oracle_kl;
            }
        }
        return agreement;
    }

    std::filesystem::path float32_file() const {
        std::filesystem::path converted = folder_ / "f32.gguf";
        engine::convert_weights(*path_, converted, engine::WeightType::F32);
        EXPECT_EQ(models::check_gguf(converted).parameters, models::check_gguf(*path_).parameters);
        return converted;
    }

    /// `most_difference`: of a number of size 0; of one of size 10 twice as much.
    void expect_the_oracle(double least_rank_share, double most_difference) {
        const auto records = run("given");
        const Agreement agreement = compare(records);
        EXPECT_EQ(agreement.positions, 166U);
        EXPECT_GE(agreement.rank_share(), least_rank_share);
        EXPECT_GE(agreement.class_share(), 0.99);
        EXPECT_LE(agreement.kl_error(), 0.001);
        // Both sides' numbers, position by position.
        for (const ShiftItem& item : items_) {
            for (const char* name : {"base_logp", "aligned_logp", "kl_ab", "kl_ba", "js", "tv"}) {
                for (std::size_t i = 0; i < item.answer_ids.size(); ++i) {
                    const auto expected = item.fields.at("oracle").at(name).at(i).get<double>();
                    EXPECT_NEAR(records.at(item.id).at(name).at(i).get<double>(), expected,
                                most_difference * (1 + 0.1 * std::abs(expected)))
                        << name << " of item " << item.id << " at " << i;
                }
            }
        }
    }

    void expect_that_written_and_given_agree();

    std::optional<std::filesystem::path> path_;
    test::TemporaryFolder folder_;
    std::vector<ShiftItem> items_;
    Side base_;
    Side aligned_;
};

TEST_F(RealPairTest, float32_weights_reproduce_the_oracle) {
    load(float32_file());
    expect_the_oracle(0.99, 0.1);
}

TEST_F(RealPairTest, float32_weights_reproduce_the_oracle_with_our_attention_and_gelu) {
    if (!engine::traits(engine::Arithmetic::Packed).runs_here())
        GTEST_SKIP() << "there are no own kernels for this CPU";
    load(float32_file(), engine::Arithmetic::PackedPrecise);
    expect_the_oracle(0.993, 0.01);
}

TEST_F(RealPairTest, quantised_weights_in_precise_arithmetic_reproduce_the_oracle) {
    if (!engine::traits(engine::Arithmetic::Packed).runs_here())
        GTEST_SKIP() << "there are no own kernels for this CPU";
    load(*path_, engine::Arithmetic::PackedPrecise);
    expect_the_oracle(0.99, 0.02);  // three standard errors, for 166 positions, below what all 20 answers give
}

TEST_F(RealPairTest, quantised_weights_stay_near_the_oracle) {
    load(*path_);
    const Agreement agreement = compare(run("q4"));
    // Bounds: three standard errors, for 166 positions, from what all 20 answers give (docs/shift.md).
    EXPECT_GE(agreement.rank_share(), 0.83);
    EXPECT_GE(agreement.class_share(), 0.92);
    // Half of these short answers' KL stands at the three tokens that end them (above 20 nats each), where rounded
    // activations move it by up to 5 nats; over whole runs that evens out, over three answers it does not.
    EXPECT_LE(agreement.inner_kl_error(), 0.08);
}

TEST_F(RealPairTest, the_prompts_of_an_instruction_are_the_oracles_tokens) {
    load(*path_);
    for (const ShiftItem& item : items_) {
        EXPECT_EQ(aligned_.prompt->tokenize(*aligned_.model, item.conversation), item.aligned_prompt_ids);
        EXPECT_EQ(base_.prompt->tokenize(*base_.model, item.conversation), item.base_prompt_ids);
    }
    EXPECT_EQ(engine::find_chat_template(*aligned_.model)->name, "gemma");
}

/// Another token's base log-probability is so close to the answer's that other company in the batch may swap them.
bool is_near_tie(const ordered_json& record, std::size_t i) {
    for (const ordered_json& top : record.at("base_top").at(i)) {
        if (top.at(0) == record.at("answer_ids").at(i)) continue;
        if (std::abs(top.at(1).get<double>() - record.at("base_logp").at(i).get<double>()) < 0.05) return true;
    }
    return false;
}

void RealPairTest::expect_that_written_and_given_agree() {
    for (ShiftItem& item : items_) item.answer_ids.clear();
    const auto written = run("lockstep");
    for (ShiftItem& item : items_) item.answer_ids = written.at(item.id).at("answer_ids").get<std::vector<Token>>();
    const auto given = run("forced");
    for (const auto& [id, record] : written) {
        for (std::size_t i = 0; i < record.at("answer_ids").size(); ++i) {
            const auto class_of = [&](const ordered_json& from) {
                return shift_class(from.at("base_rank").at(i).get<std::size_t>());
            };
            EXPECT_EQ(record.at("aligned_rank").at(i), 1);
            const auto kl = record.at("kl_ab").at(i).get<double>();
            EXPECT_NEAR(given.at(id).at("kl_ab").at(i).get<double>(), kl, 0.05 + 0.01 * kl) << id << " at " << i;
            if (is_near_tie(record, i)) continue;
            EXPECT_EQ(class_of(record), class_of(given.at(id))) << id << " at " << i;
        }
    }
}

TEST_F(RealPairTest, written_and_given_answers_agree_but_at_near_ties) {
    load(float32_file());
    expect_that_written_and_given_agree();
}

TEST_F(RealPairTest, written_and_given_answers_agree_with_quantised_weights_in_precise_arithmetic) {
    if (!engine::traits(engine::Arithmetic::Packed).runs_here())
        GTEST_SKIP() << "there are no own kernels for this CPU";
    load(*path_, engine::Arithmetic::PackedPrecise);
    expect_that_written_and_given_agree();
}

TEST_F(RealPairTest, a_model_against_itself_has_no_shift) {
    load(*path_);
    aligned_.use_adapters = false;
    aligned_.prompt = base_.prompt;
    for (ShiftItem& item : items_) {
        item.answer_ids.clear();
        item.aligned_prompt_ids = item.base_prompt_ids;
    }
    for (const auto& [id, record] : run("self")) {
        for (std::size_t i = 0; i < record.at("answer_ids").size(); ++i) {
            EXPECT_EQ(record.at("kl_ab").at(i), 0.0) << id << " at " << i;
            EXPECT_EQ(record.at("base_rank").at(i), 1) << id << " at " << i;
        }
    }
}

TEST_F(RealPairTest, an_adapter_of_another_model_is_refused) {
    // The model file itself is a GGUF, but no adapter of this model.
    engine::ModelOptions model;
    model.path = *path_;
    model.content_hash = "unused";
    model.adapters = {{*path_}};
    try {
        engine::load_model(model);
        ADD_FAILURE() << "no error was thrown";
    } catch (const Error& failure) {
        EXPECT_EQ(failure.kind(), ErrorKind::Model);
    }
}

}  // namespace
}  // namespace urial::shift
