#include "models/hub_cache.h"

#include <gtest/gtest.h>

#include "support/sandbox.h"

namespace urial::models {
namespace {

using test::ScopedEnvironment;
using Names = std::vector<std::string>;

TEST(MatchingFiles, a_quantisation_is_a_whole_word_of_the_name) {
    const Names names{"x-Q4_K.gguf",    "x-Q4_K_M.gguf", "x_q4_k_m_l.gguf",
                      "y.IQ4_K_M.gguf", "Q4_K_M/z.gguf", "x-Q4_K_M.txt"};
    EXPECT_EQ(matching_files(names, "q4_k_m"), (Names{"x-Q4_K_M.gguf", "Q4_K_M/z.gguf"}));
    EXPECT_EQ(matching_files(names, "Q4_K"), Names{"x-Q4_K.gguf"});
    EXPECT_EQ(matching_files({"model_q8_0.gguf"}, "Q8_0"), Names{"model_q8_0.gguf"});
}

TEST(MatchingFiles, a_file_name_means_that_file) {
    const Names names{"x-Q4_K_M.gguf", "sub/x-Q4_K_M.gguf"};
    EXPECT_EQ(matching_files(names, "x-q4_k_m.GGUF"), Names{"x-Q4_K_M.gguf"});
    EXPECT_EQ(matching_files(names, "sub/x-Q4_K_M.gguf"), Names{"sub/x-Q4_K_M.gguf"});
}

TEST(MatchingFiles, nothing_means_every_model_and_no_projector) {
    EXPECT_EQ(matching_files({"a.gguf", "mmproj-a.gguf", "README.md"}, ""), Names{"a.gguf"});
}

TEST(SplitFiles, are_told_by_their_numbers) {
    EXPECT_TRUE(is_split_file("x-00001-of-00003.gguf"));
    EXPECT_TRUE(is_split_file("Q8_0/x-00002-of-00003.GGUF"));
    EXPECT_FALSE(is_split_file("x-of-00003.gguf"));
    EXPECT_FALSE(is_split_file("x.gguf"));
}

TEST(QuantizationOf, reads_the_usual_names) {
    EXPECT_EQ(quantization_of("gemma-3-270m-q4_k_m.gguf"), "q4_k_m");
    EXPECT_EQ(quantization_of("x.IQ2_XXS.gguf"), "IQ2_XXS");
    EXPECT_EQ(quantization_of("x-UD-Q4_K_XL.gguf"), "UD-Q4_K_XL");
    EXPECT_EQ(quantization_of("x-BF16.gguf"), "BF16");
    EXPECT_EQ(quantization_of("model.gguf"), "");
}

TEST(HubSettings, the_more_special_variable_wins) {
    const test::TemporaryFolder folder;
    const ScopedEnvironment home("HOME", folder.path().string());
    const ScopedEnvironment xdg("XDG_CACHE_HOME", std::nullopt);
    const ScopedEnvironment hf_home("HF_HOME", std::nullopt);
    const ScopedEnvironment hub_cache("HF_HUB_CACHE", std::nullopt);
    const ScopedEnvironment endpoint("HF_ENDPOINT", std::nullopt);
    const ScopedEnvironment token("HF_TOKEN", std::nullopt);
    const ScopedEnvironment token_path("HF_TOKEN_PATH", std::nullopt);
    EXPECT_EQ(hub_settings().endpoint, "https://huggingface.co");
    EXPECT_EQ(hub_settings().cache, folder / ".cache/huggingface/hub");
    EXPECT_EQ(hub_token().value, "");
    const ScopedEnvironment xdg_set("XDG_CACHE_HOME", "/xdg");
    EXPECT_EQ(hub_settings().cache, "/xdg/huggingface/hub");
    const ScopedEnvironment home_set("HF_HOME", "/hf");
    EXPECT_EQ(hub_settings().cache, "/hf/hub");
    const ScopedEnvironment cache_set("HF_HUB_CACHE", "/cache");
    EXPECT_EQ(hub_settings().cache, "/cache");
}

TEST(HubSettings, offline_is_what_python_takes_for_true) {
    const ScopedEnvironment home("HF_HOME", "/nonexistent");
    for (const auto& [value, expected] : {std::pair{"1", true},
                                          {"ON", true},
                                          {"yes", true},
                                          {"True", true},
                                          {"0", false},
                                          {"no", false},
                                          {"", false}}) {
        const ScopedEnvironment offline("HF_HUB_OFFLINE", value);
        EXPECT_EQ(hub_settings().offline, expected) << value;
    }
}

}  // namespace
}  // namespace urial::models
