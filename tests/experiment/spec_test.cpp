#include "experiment/spec.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "support/expect_error.h"
#include "support/paths.h"
#include "support/sandbox.h"

namespace urial::experiment {
namespace {

constexpr const char* kWhole = R"(
title = "Two prompts"
questions = "data/q.jsonl"
where = ["task=writing"]
limit = 5
parallel = 4
reference = "bare"

[sampling]
max_tokens = 50
temperature = 1
stop = ["END"]

[retrieval]
pool = "data/pool.jsonl"
shots = 2

[[models]]
name = "base"
model = "local.gguf"
lora = ["tuned.gguf:0.5"]

[[models]]
name = "far"
model = "http://host/v1#m"

[[methods]]
name = "bare"
model = "base"
prompt = "zero-shot"

[[methods]]
name = "near"
label = "nearest examples"
model = "far"
prompt = "retrieval"
preamble = true

[judging]
judges = ["http://host/v1#judge"]
max_cost = 2

[[shift]]
base = "near"
aligned = "bare"
)";

class ExperimentSpecTest : public ::testing::Test {
protected:
    Spec read(const std::string& text) {
        write_file_atomic(folder_ / "e.toml", text);
        return read_spec(folder_ / "e.toml");
    }
    /// The whole experiment with a line more behind this one.
    static std::string with(const std::string& line, const std::string& more) {
        std::string text = kWhole;
        const std::size_t at = text.find(line);
        EXPECT_NE(at, std::string::npos) << line;
        return text.insert(at + line.size(), "\n" + more);
    }
    static std::string without(const std::string& line) {
        std::string text = kWhole;
        return text.erase(text.find(line), line.size());
    }

    test::TemporaryFolder folder_;
};

TEST_F(ExperimentSpecTest, everything_that_a_file_says_is_read) {
    write_file_atomic(folder_ / "local.gguf", "x");
    const Spec spec = read(kWhole);
    EXPECT_EQ(spec.title, "Two prompts");
    EXPECT_EQ(spec.questions, folder_ / "data/q.jsonl");
    EXPECT_EQ(spec.items.where, std::vector<std::string>{"task=writing"});
    EXPECT_EQ(spec.items.limit, 5u);
    EXPECT_EQ(spec.parallel, 4);
    EXPECT_EQ(spec.sampling.max_tokens, 50);
    EXPECT_EQ(spec.sampling.temperature, 1);
    EXPECT_EQ(spec.sampling.stop, std::vector<std::string>{"END"});
    ASSERT_EQ(spec.models.size(), 2u);
    EXPECT_EQ(spec.models[1].model, "http://host/v1#m");
    ASSERT_EQ(spec.methods.size(), 2u);
    EXPECT_EQ(spec.methods[0].label, "bare");
    EXPECT_EQ(spec.methods[1].label, "nearest examples");
    EXPECT_EQ(spec.methods[1].model, 1u);
    EXPECT_EQ(spec.methods[1].prompt.retrieval.pool, folder_ / "data/pool.jsonl");
    EXPECT_EQ(spec.methods[1].prompt.retrieval.shots, 2);
    EXPECT_TRUE(spec.methods[1].prompt.retrieval.preamble);
    EXPECT_EQ(spec.methods[1].prompt.retrieval.encoder.encoder, "all-mpnet-base-v2");
    ASSERT_TRUE(spec.judging);
    EXPECT_EQ(spec.judging->max_cost, 2);
    ASSERT_EQ(spec.pairs.size(), 1u);
    EXPECT_EQ(spec.pairs[0].name, "near-bare");
    ASSERT_EQ(spec.comparisons.size(), 1u);
    EXPECT_EQ(spec.comparisons[0].method, 1u);
    EXPECT_EQ(spec.comparisons[0].against, 0u);
}

TEST_F(ExperimentSpecTest, a_name_is_a_file_where_one_lies_beside_the_experiment) {
    write_file_atomic(folder_ / "local.gguf", "x");
    const Spec spec = read(kWhole);
    EXPECT_EQ(spec.models[0].model, folder_ / "local.gguf");
    EXPECT_EQ(spec.models[0].adapters, std::vector<std::string>{"tuned.gguf:0.5"});  // no such file here
    write_file_atomic(folder_ / "tuned.gguf", "x");
    EXPECT_EQ(read(kWhole).models[0].adapters.front(), (folder_ / "tuned.gguf").string() + ":0.5");
}

TEST_F(ExperimentSpecTest, mistakes_are_named_with_their_place) {
    const struct {
        std::string text;
        std::string message;
    } kCases[] = {
        {with("limit = 5", "limits = 6"),
         "e.toml:6:10: \"limits\" is not a field of an experiment; did you mean limit?"},
        {with("limit = 5", "seed = 1"), "\"seed\" is not a field of an experiment"},
        {without("questions = \"data/q.jsonl\""), "\"questions\" is missing"},
        {with("[sampling]", "max_token = 5"), "\"max_token\" is not a field of [sampling]; did you mean max_tokens?"},
        {with("[sampling]", "top_k = 1.5"), "\"top_k\" must be a whole number"},
        {with("[sampling]", "top_p = 1.5"), "top_p cannot be '1.5'"},
        {with("name = \"far\"", "name2 = \"x\""), "\"name2\" is not a field of a model"},
        {with("label = \"nearest examples\"", "chat_template = 3"), "\"chat_template\" must be a text"},
        {with("judges = [\"http://host/v1#judge\"]", "concurrency = 0"), "\"concurrency\" is 0: it must be 1 or more"},
        {with("parallel = 4", "context = -1"), "\"context\" is -1: it must be 0 or more"},
        {std::string(kWhole) + "[[shift]]\nbase = \"near\"\naligned = \"bare\"\n", "this pair stands there twice"},
        {std::string(kWhole) + "[[shift]]\nbase = \"bare\"\naligned = \"bare\"\n",
         "a method is not compared with itself"},
        {std::string(kWhole) + "[[shift]]\nbase = \"baer\"\naligned = \"bare\"\n",
         "\"base\" names 'baer', which is none of bare, near; did you mean bare?"},
        {std::string(kWhole) + "[[methods]]\nname = \"BARE\"\nmodel = \"base\"\nprompt = \"raw\"\n",
         "the name 'BARE' stands there twice"},
        {std::string(kWhole) + "[[methods]]\nname = \"a/b\"\nmodel = \"base\"\nprompt = \"raw\"\n", "it names files"},
        {std::string(kWhole) + "[[methods]]\nname = \"c\"\nlabel = \"bare\"\nmodel = \"base\"\nprompt = \"raw\"\n",
         "'bare' is the label of two methods"},
        {std::string(kWhole) + "[[comparisons]]\nmethod = \"near\"\nagainst = \"bare\"\n",
         "this comparison stands there twice"},
        {without("pool = \"data/pool.jsonl\""), "the prompt retrieval needs \"pool\""},
    };
    for (const auto& one : kCases) EXPECT_ERROR(read(one.text), ErrorKind::BadInput, one.message);
    EXPECT_ERROR(read_spec(folder_ / "none.toml"), ErrorKind::NotFound, "none.toml");
}

TEST_F(ExperimentSpecTest, the_example_of_the_documentation_is_one) {
    const Spec spec = read_spec(test::source_path("docs/examples/paper.toml"));
    EXPECT_EQ(spec.methods.size(), 8u);
    EXPECT_EQ(spec.comparisons.size(), 7u);
    EXPECT_TRUE(fs::exists(spec.questions));
    EXPECT_TRUE(fs::exists(spec.methods[3].prompt.retrieval.pool));
    EXPECT_TRUE(fs::exists(spec.models[1].adapters.front()));
}

}  // namespace
}  // namespace urial::experiment
