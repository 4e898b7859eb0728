#include <limits>
#include <source_location>

#include <gtest/gtest.h>

#include "models/models.h"
#include "support/expect_error.h"
#include "support/sandbox.h"
#include "support/tiny_gguf.h"

namespace urial::models {
namespace {

using test::TinyGguf;

/// The tiny model with some pairs added.
class GgufMetadata : public ::testing::Test {
protected:
    using Pairs = std::vector<std::pair<std::string, TinyGguf::Value>>;
    using Place = std::source_location;

    void expect_sound(const Pairs& pairs, Place test = Place::current()) {
        const std::string said = check(pairs);
        if (said != "no error") ADD_FAILURE_AT(test.file_name(), static_cast<int>(test.line())) << said;
    }
    void expect_refused(const Pairs& pairs, std::string_view part, Place test = Place::current()) {
        const std::string said = check(pairs);
        if (said.find(part) == std::string::npos) {
            ADD_FAILURE_AT(test.file_name(), static_cast<int>(test.line()))
                << "expected: " << part << "\nsaid: " << said;
        }
    }

private:
    std::string check(const Pairs& pairs) {
        TinyGguf file = TinyGguf::minimal();
        for (const auto& [key, value] : pairs) file.set(key, value);
        file.write(folder_ / "model.gguf");
        return test::bad_input_of([&] { check_gguf(folder_ / "model.gguf"); });
    }
    test::TemporaryFolder folder_;
};

using U32 = std::uint32_t;

TEST_F(GgufMetadata, the_number_of_layers_is_within_the_engines_limit) {
    expect_refused({{"tiny.block_count", U32{0}}}, "key 'tiny.block_count' is 0, 1 to 512 are expected");
    expect_refused({{"tiny.block_count", U32{513}}}, "key 'tiny.block_count' is 513");
    expect_refused({{"tiny.block_count", U32{4}}, {"tiny.nextn_predict_layers", U32{5}}}, "some of the 4 layers");
    expect_sound({{"tiny.block_count", U32{512}}});
}

TEST_F(GgufMetadata, experts_and_their_groups_fit_together) {
    expect_refused({{"tiny.expert_count", U32{2000}}}, "at most 1024");
    expect_refused({{"tiny.expert_used_count", U32{2}}}, "some of the 0 experts");
    expect_refused({{"tiny.expert_count", U32{8}}}, "with it the key 'tiny.expert_used_count' is expected");
    expect_refused({{"tiny.expert_count", U32{8}}, {"tiny.expert_used_count", U32{0}}}, "some of the 8 experts");
    expect_refused(
        {{"tiny.expert_count", U32{8}}, {"tiny.expert_used_count", U32{2}}, {"tiny.expert_group_count", U32{3}}},
        "divides the 8 experts");
    expect_refused(
        {{"tiny.expert_count", U32{8}}, {"tiny.expert_used_count", U32{2}}, {"tiny.expert_group_count", U32{4}}},
        "some of the 4 groups");
    expect_sound({{"tiny.expert_count", U32{8}},
                  {"tiny.expert_used_count", U32{2}},
                  {"tiny.expert_group_count", U32{4}},
                  {"tiny.expert_group_used_count", U32{2}}});
}

TEST_F(GgufMetadata, heads_divide_what_they_share) {
    expect_refused({{"tiny.attention.head_count", U32{4}}, {"tiny.attention.head_count_kv", U32{3}}},
                   "divides the 4 heads");
    expect_refused({{"tiny.attention.head_count", U32{3}}, {"tiny.embedding_length", U32{8}}},
                   "divides the embedding length 8");
    expect_refused({{"tiny.embedding_length", U32{0}}}, "at least 1");
    // With a head length of its own the embedding length need not be a multiple; a recurrent model has no heads.
    expect_sound({{"tiny.attention.head_count", U32{3}},
                  {"tiny.embedding_length", U32{8}},
                  {"tiny.attention.key_length", U32{4}}});
    expect_sound({{"tiny.attention.head_count", U32{0}}, {"tiny.attention.head_count_kv", U32{0}}});
}

TEST_F(GgufMetadata, rotated_dimensions_are_even_and_within_a_head) {
    expect_refused({{"tiny.rope.dimension_count", U32{3}}}, "an even number");
    expect_refused({{"tiny.rope.scaling.type", std::string("bilinear")}}, "is 'bilinear', one of none, linear, yarn");
    expect_refused({{"tiny.rope.dimension_count", U32{4}},
                    {"tiny.attention.head_count", U32{4}},
                    {"tiny.embedding_length", U32{8}}},
                   "at most the 2 of a head");
    expect_sound({{"tiny.rope.dimension_count", U32{4}},
                  {"tiny.attention.head_count", U32{4}},
                  {"tiny.embedding_length", U32{8}},
                  {"tiny.attention.key_length", U32{4}}});
}

TEST_F(GgufMetadata, numbers_that_are_divided_by_are_numbers) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float infinite = std::numeric_limits<float>::infinity();
    expect_refused({{"tiny.attention.layer_norm_rms_epsilon", nan}}, "a number is expected");
    expect_refused({{"tiny.attention.layer_norm_epsilon", -1e-5F}}, "a small positive number");
    expect_refused({{"tiny.attention.group_norm_epsilon", infinite}}, "a small positive number");
    expect_refused({{"tiny.rope.freq_base", 0.0F}}, "a positive number");
    expect_refused({{"tiny.rope.freq_base_swa", -10.0F}}, "a positive number");
    expect_refused({{"tiny.rope.scaling.factor", infinite}}, "a positive number");
    expect_sound({{"tiny.attention.layer_norm_rms_epsilon", 1e-6F},
                  {"tiny.rope.freq_base", 10000.0F},
                  {"tiny.rope.scaling.factor", 0.0F}});
}

TEST_F(GgufMetadata, the_alignment_is_what_the_engines_memory_needs) {
    expect_refused({{"general.alignment", U32{1}}},
                   "key 'general.alignment' is 1, a power of two of at least 32 is expected");
    expect_refused({{"general.alignment", U32{48}}}, "a power of two");
    expect_refused({{"general.alignment", U32{1U << 31}}}, "the data section has 0");
}

TEST_F(GgufMetadata, a_tokenizer_is_there_and_known) {
    expect_refused({{"tokenizer.ggml.model", std::string("none")}}, "the file has no tokenizer");
    expect_refused({{"tokenizer.ggml.model", std::string("no_vocab")}}, "the file has no tokenizer");
    expect_refused({{"tokenizer.ggml.model", std::string("lhama")}},
                   "'lhama', a tokenizer that the engine does not know (llama, gpt2,");
    expect_sound({{"tokenizer.ggml.model", std::string("gpt2")}});
}

TEST_F(GgufMetadata, every_token_has_its_values) {
    expect_refused({{"tokenizer.ggml.token_type", std::vector<std::int32_t>{1, 1}}},
                   "key 'tokenizer.ggml.token_type' has 2 values for 3 tokens");
    expect_refused({{"tokenizer.ggml.token_type", std::vector<float>{1, 1, 1}}},
                   "an array of type 6, type 5 is expected");
    expect_refused({{"tokenizer.ggml.merges", std::vector<std::int32_t>{1}}}, "an array of type 5, type 8 is expected");
    expect_sound({{"tokenizer.ggml.token_type", std::vector<std::int32_t>{3, 1, 1}}});
}

TEST_F(GgufMetadata, an_adapters_keys_have_their_types_and_values) {
    const std::pair<std::string, TinyGguf::Value> is_adapter{"general.type", std::string("adapter")};
    expect_refused({is_adapter, {"adapter.type", std::string("aloha")}}, "an adapter of type 'aloha', only 'lora'");
    expect_refused({is_adapter, {"adapter.type", U32{1}}},
                   "key 'adapter.type' has a value of type 4, type 8 is expected");
    expect_refused({is_adapter, {"adapter.lora.alpha", U32{16}}}, "key 'adapter.lora.alpha' has a value of type 4");
    expect_refused({is_adapter,
                    {"adapter.type", std::string("lora")},
                    {"adapter.lora.alpha", std::numeric_limits<float>::quiet_NaN()}},
                   "key 'adapter.lora.alpha' is nan");
    expect_refused({is_adapter, {"adapter.alora.invocation_tokens", std::vector<float>{1}}},
                   "an array of type 6, type 4 is expected");
    expect_sound({is_adapter, {"adapter.type", std::string("lora")}, {"adapter.lora.alpha", 16.0F}});
}

}  // namespace
}  // namespace urial::models
