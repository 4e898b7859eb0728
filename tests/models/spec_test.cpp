#include <algorithm>

#include <gtest/gtest.h>

#include "base/files.h"
#include "models/models.h"
#include "support/expect_error.h"
#include "support/sandbox.h"

namespace urial::models {
namespace {

using Kind = ModelSpec::Kind;

TEST(ModelSpec, a_path_is_a_file_whether_it_exists_or_not) {
    EXPECT_EQ(parse_model_spec("models/x").kind, Kind::File);
    EXPECT_EQ(parse_model_spec("x.gguf").path, "x.gguf");
    EXPECT_EQ(parse_model_spec("./gemma-3-270m").kind, Kind::File) << "a file with the name of an alias";
}

TEST(ModelSpec, an_alias_is_found_by_its_exact_name) {
    EXPECT_EQ(parse_model_spec("gemma-3-270m").kind, Kind::Alias);
    EXPECT_EQ(parse_model_spec("smollm2-135m-instruct").text, "smollm2-135m-instruct");
}

TEST(ModelSpec, an_unknown_alias_comes_with_suggestions) {
    EXPECT_ERROR(parse_model_spec("gema-3-270m"), ErrorKind::NotFound, "did you mean gemma-3-270m?");
    EXPECT_ERROR(parse_model_spec("no-such-model"), ErrorKind::NotFound, "one of: gemma-3-270m");
}

TEST(ModelSpec, a_hub_spec_has_a_repository_and_perhaps_a_quantisation) {
    const ModelSpec plain = parse_model_spec("hf:some-one/Some_Model.1-GGUF");
    EXPECT_EQ(plain.kind, Kind::HuggingFace);
    EXPECT_EQ(plain.repository, "some-one/Some_Model.1-GGUF");
    EXPECT_EQ(plain.quantization, "");
    EXPECT_EQ(parse_model_spec("hf:a/b:q4_k_m").quantization, "q4_k_m");
    EXPECT_EQ(parse_model_spec("hf:a/b:sub/model-Q8_0.gguf").quantization, "sub/model-Q8_0.gguf");
}

TEST(ModelSpec, to_download_owner_and_name_are_enough_where_no_file_is_called_so) {
    EXPECT_EQ(parse_download_spec("someone/tiny-GGUF").text, "hf:someone/tiny-GGUF");
    EXPECT_EQ(parse_download_spec("someone/tiny-GGUF:Q8_0").quantization, "Q8_0");
    EXPECT_EQ(parse_download_spec("folder/model.gguf").kind, Kind::File);
    EXPECT_EQ(parse_download_spec("./someone/tiny").kind, Kind::File);
    EXPECT_EQ(parse_download_spec("gemma-3-270m").kind, Kind::Alias);
    const test::TemporaryFolder folder;
    EXPECT_EQ(parse_download_spec(folder.path().string()).kind, Kind::File);
    EXPECT_ERROR(resolve(parse_model_spec("someone/tiny-GGUF")), ErrorKind::NotFound, "hf:someone/tiny-GGUF");
}

TEST(ModelSpec, a_malformed_hub_spec_is_refused) {
    for (const char* text : {"hf:", "hf:name", "hf:a/b/c", "hf:/b", "hf:a/", "hf:../b", "hf:a/b..c", "hf:a/--b",
                             "hf:a b/c", "hf:a/b?x", "hf:.a/b", "hf:a--b/c"}) {
        SCOPED_TRACE(text);
        EXPECT_ERROR(parse_model_spec(text), ErrorKind::BadInput, "hf:owner/name");
    }
    EXPECT_ERROR(parse_model_spec("hf:a/b:"), ErrorKind::BadInput, "neither a quantisation");
    EXPECT_ERROR(parse_model_spec("hf:a/b:../x"), ErrorKind::BadInput, "neither a quantisation");
}

TEST(ModelSpec, an_empty_text_and_an_address_are_no_models) {
    EXPECT_ERROR(parse_model_spec(" "), ErrorKind::BadInput, "empty");
    EXPECT_ERROR(parse_model_spec("http://127.0.0.1/v1"), ErrorKind::BadInput, "not a model file");
}

TEST(ModelSpec, every_alias_can_be_checked_and_credited) {
    for (const Alias& alias : aliases()) {
        SCOPED_TRACE(alias.name);
        EXPECT_EQ(alias.sha256.size(), 64U);
        EXPECT_GT(alias.bytes, 1'000'000U);
        EXPECT_NE(alias.license.find("https://"), std::string::npos);
        EXPECT_TRUE(alias.file_name.ends_with(".gguf"));
        EXPECT_TRUE(std::ranges::all_of(alias.packages,
                                        [](const std::string& name) { return name.find("==") != std::string::npos; }));
        EXPECT_FALSE(alias.packages.empty());
    }
    EXPECT_EQ(aliases().front().name, "gemma-3-270m") << "the default model leads";
}

TEST(AdapterSpec, a_scale_may_follow_the_file) {
    EXPECT_EQ(parse_adapter_spec("a.gguf").scale, 1.0F);
    EXPECT_EQ(parse_adapter_spec("dir/a.gguf:0.5").path, "dir/a.gguf");
    EXPECT_EQ(parse_adapter_spec("dir/a.gguf:0.5").scale, 0.5F);
    EXPECT_EQ(parse_adapter_spec("a.gguf:-2").scale, -2.0F);
}

TEST(AdapterSpec, a_scale_that_is_no_number_is_refused) {
    for (const char* text : {"a.gguf:", "a.gguf:half", "a.gguf:1x", "a.gguf:nan", "a.gguf:inf"}) {
        SCOPED_TRACE(text);
        EXPECT_ERROR(parse_adapter_spec(text), ErrorKind::BadInput, "is not a number");
    }
    EXPECT_ERROR(parse_adapter_spec(""), ErrorKind::BadInput, "--lora is empty");
    EXPECT_ERROR(parse_adapter_spec(":1"), ErrorKind::BadInput, "no file");
}

TEST(AdapterSpec, a_file_whose_name_has_a_colon_is_taken_as_it_is) {
    const test::TemporaryFolder folder;
    write_file_atomic(folder / "a:2", "x");
    EXPECT_EQ(parse_adapter_spec((folder / "a:2").string()).path, folder / "a:2");
}

}  // namespace
}  // namespace urial::models
