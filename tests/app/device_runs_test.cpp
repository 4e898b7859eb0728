// What whoever opens a model says of GPUs, and runs whose model is on one (support/test_devices.h).

#include <gtest/gtest.h>

#include "app/models.h"
#include "base/files.h"
#include "generate/batch_run.h"
#include "generate/run_identity.h"
#include "shift/shift.h"
#include "support/expect_error.h"
#include "support/expect_text.h"
#include "support/paths.h"
#include "support/sandbox.h"
#include "support/scripted_model.h"
#include "support/test_devices.h"
#include "support/tiny_gguf.h"

namespace urial::app {
namespace {

using nlohmann::ordered_json;

constexpr std::uint64_t kPlenty = 4'000'000'000;

class DeviceRuns : public ::testing::Test {
protected:
    DeviceRuns() : cache_("URIAL_CACHE", (folder_ / "cache").string()) {
        test::TinyGguf::language_model(1).write(folder_ / "base.gguf");
        test::TinyGguf::language_model(2).write(folder_ / "aligned.gguf");
        choice_.model = (folder_ / "base.gguf").string();
        choice_.trial_program = test::binary_path();
        callbacks_.detail = [this](std::string_view text) { details_ += std::string(text) + "\n"; };
        callbacks_.warning = [this](std::string_view text) { details_ += "warning: " + std::string(text) + "\n"; };
    }

    std::shared_ptr<const engine::Model> open(const std::string& file, const std::string& device,
                                              engine::Purpose purpose = engine::Purpose::Fast) {
        choice_.model = (folder_ / file).string();
        choice_.device = device;
        return open_model(choice_, callbacks_, purpose, 16);
    }
    const engine::ModelInfo& describe() {
        opened_ = open_model(choice_, callbacks_, engine::Purpose::Precise, 16);
        return opened_->info();
    }

    std::vector<generate::Instruction> questions() const {
        std::vector<generate::Instruction> made(6);
        for (std::size_t i = 0; i < made.size(); ++i) {
            made[i].id = std::to_string(i);
            made[i].conversation.query = "query " + made[i].id;
            made[i].fields = {{"id", i}, {"instruction", made[i].conversation.query}};
        }
        return made;
    }
    generate::BatchSummary generate_on(const std::string& device, const std::string& output, std::size_t count = 6,
                                       double temperature = 0) {
        generate::BatchOptions batch;
        batch.output = folder_ / output;
        batch.token_ids = true;
        batch.sampling.max_tokens = 12;
        batch.sampling.temperature = temperature;
        batch.notice = [this](std::string_view text) { notices_ += std::string(text) + "\n"; };
        generate::LocalAnswerer answerer({open("base.gguf", device), test::small_prompt()}, {.parallel = 3});
        std::vector<generate::Instruction> some = questions();
        some.resize(count);
        return run_batch(answerer, some, batch);
    }
    std::map<std::string, ordered_json> records(const fs::path& file) const {
        std::map<std::string, ordered_json> by_id;
        for_each_json_line(file, [&](std::size_t, ordered_json&& record) { by_id[record["id"].dump()] = record; });
        return by_id;
    }
    ordered_json manifest(const std::string& file) const { return ordered_json::parse(read_file(folder_ / file)); }

    test::TemporaryFolder folder_;
    test::ScopedEnvironment cache_;
    ModelChoice choice_;
    Callbacks callbacks_;
    std::shared_ptr<const engine::Model> opened_;
    std::string details_;
    std::string notices_;
};

TEST_F(DeviceRuns, by_default_the_model_is_on_the_gpu_in_the_engines_arithmetic) {
    const test::TestDevices devices({kPlenty});
    const engine::ModelInfo& model = describe();
    EXPECT_EQ(model.placement.devices.at(0).name, "TEST0");
    EXPECT_EQ(model.arithmetic, engine::Arithmetic::Engine);
    EXPECT_TRUE(test::contains(details_, "3 of 3 layers are on TEST0 (a device for tests)")) << details_;
}

TEST_F(DeviceRuns, an_arithmetic_of_the_cpu_keeps_the_model_there) {
    const test::TestDevices devices({kPlenty});
    choice_.arithmetic = "precise";
    const engine::ModelInfo& model = describe();
    EXPECT_TRUE(model.placement.devices.empty());
    EXPECT_TRUE(test::contains(details_, "precise arithmetic is the CPU's: no GPU is used")) << details_;
    choice_.device = "TEST0";
    EXPECT_ERROR(describe(), ErrorKind::BadInput, "--arithmetic precise: it is the CPU's");
    choice_.device = "auto";
    choice_.gpu_layers = 2;
    EXPECT_ERROR(describe(), ErrorKind::BadInput, "--arithmetic precise: it is the CPU's");
    choice_.gpu_layers = 0;
    EXPECT_TRUE(describe().placement.devices.empty());
}

TEST_F(DeviceRuns, f32_products_need_a_gpu_that_has_them) {
    choice_.arithmetic = "f32";
    EXPECT_ERROR(describe(), ErrorKind::BadInput, "--arithmetic f32: it is for NVIDIA GPUs");
    const test::TestDevices devices({kPlenty});
    EXPECT_ERROR(describe(), ErrorKind::BadInput, "--arithmetic f32: it is for NVIDIA GPUs");
}

TEST_F(DeviceRuns, devices_that_are_not_there_are_refused_before_anything_is_fetched) {
    choice_.model = "hf:nobody/nothing";
    choice_.device = "CUDA0";
    EXPECT_ERROR(describe(), ErrorKind::BadInput, "--device CUDA0: this build of urial has no GPU backend");
    const test::TestDevices devices({kPlenty});
    EXPECT_ERROR(describe(), ErrorKind::BadInput, "there are TEST0 (a device for tests), auto and cpu");
}

TEST_F(DeviceRuns, answers_of_the_gpu_are_those_of_the_cpu_and_the_manifest_says_where_they_were_made) {
    const test::TestDevices devices({kPlenty});
    generate_on("cpu", "cpu.jsonl");
    const std::uint64_t before = devices.computed(0);
    EXPECT_EQ(before, 0U);
    generate_on("auto", "gpu.jsonl");
    EXPECT_GT(devices.computed(0), 0U);
    generate_on("auto", "drawn.jsonl", 6, 0.7);
    const auto expected = records(folder_ / "cpu.jsonl");
    const auto found = records(folder_ / "gpu.jsonl");
    ASSERT_EQ(found.size(), 6U);
    for (const auto& [id, record] : found) {
        EXPECT_EQ(record["token_ids"], expected.at(id)["token_ids"]) << id;
        ASSERT_EQ(record.contains("near_ties"), expected.at(id).contains("near_ties")) << id;
        if (!record.contains("near_ties")) continue;
        EXPECT_EQ(record["near_ties"].size(), expected.at(id)["near_ties"].size());
    }
    EXPECT_EQ(records(folder_ / "drawn.jsonl").size(), 6U);
    const ordered_json of_cpu = manifest("cpu.manifest.json");
    const ordered_json of_gpu = manifest("gpu.manifest.json");
    EXPECT_FALSE(of_cpu.contains("device"));
    EXPECT_EQ(of_gpu["device"],
              (ordered_json{{"gpus", {"a device for tests"}}, {"library", "TEST"}, {"layers", 3}, {"of", 3}}));
    EXPECT_EQ(of_gpu["devices"][0]["name"], "TEST0");
    EXPECT_EQ(of_gpu["identity"], of_cpu["identity"]);
}

TEST_F(DeviceRuns, a_run_that_goes_on_elsewhere_says_so) {
    const test::TestDevices devices({kPlenty});
    generate_on("auto", "out.jsonl", 2);
    EXPECT_FALSE(test::contains(notices_, "computed on")) << notices_;
    generate_on("auto", "out.jsonl", 4);
    EXPECT_FALSE(test::contains(notices_, "computed on")) << notices_;
    generate_on("cpu", "out.jsonl", 6);
    EXPECT_TRUE(test::contains(notices_,
                               "what is there was computed on a device for tests, the rest will be on the CPU: "
                               "their last digits differ"))
        << notices_;
}

TEST_F(DeviceRuns, threads_do_not_matter_where_the_gpu_has_all_layers) {
    const test::TestDevices devices({kPlenty});
    const ordered_json before{{"arithmetic", "engine"}, {"threads", 7}};
    EXPECT_TRUE(
        test::contains(generate::change_of_arithmetic(before, open("base.gguf", "cpu")->info(), 2),
                       "computed in engine arithmetic") ||
        test::contains(generate::change_of_arithmetic(before, open("base.gguf", "cpu")->info(), 2), "7 threads"));
    ordered_json on_gpu = generate::describe_computation(open("base.gguf", "auto")->info());
    on_gpu["threads"] = 7;
    EXPECT_EQ(generate::change_of_arithmetic(on_gpu, open("base.gguf", "auto")->info(), 2), "");
}

TEST_F(DeviceRuns, a_pair_on_two_gpus_gives_the_records_of_the_cpu_and_is_not_continued_there) {
    const test::TestDevices devices({kPlenty, kPlenty});
    std::vector<shift::ShiftItem> items;
    for (const generate::Instruction& question : questions()) {
        shift::ShiftItem& item = items.emplace_back();
        item.id = question.id;
        item.conversation = question.conversation;
        item.fields = question.fields;
    }
    shift::ShiftOptions options;
    options.max_tokens = 20;
    choice_.arithmetic = "engine";  // on both, so that the device alone is different
    const auto run = [&](const std::string& device, const std::string& folder, std::size_t count) {
        const auto side = [&](const std::string& file) {
            shift::Side made;
            made.model = open(file, device, engine::Purpose::Precise);
            made.prompt = generate::in_context_prompt(test::small_prompt());
            return made;
        };
        const shift::Side base = side("base.gguf");
        const shift::Side aligned = side("aligned.gguf");
        options.folder = folder_ / folder;
        return shift::run_shift(base, aligned, {items.begin(), items.begin() + static_cast<std::ptrdiff_t>(count)},
                                options);
    };
    run("cpu", "cpu", 6);
    run("auto", "gpu", 6);
    EXPECT_GT(devices.computed(0), 0U);
    EXPECT_GT(devices.computed(1), 0U) << "the second model goes to the second GPU";
    const auto expected = records(folder_ / "cpu/records.jsonl");
    const auto found = records(folder_ / "gpu/records.jsonl");
    ASSERT_EQ(found.size(), 6U);
    for (const auto& [id, record] : found) {
        EXPECT_EQ(record["answer_ids"], expected.at(id)["answer_ids"]) << id;
        EXPECT_EQ(record["base_rank"], expected.at(id)["base_rank"]) << id;
        for (std::size_t i = 0; i < record["kl_ab"].size(); ++i)
            EXPECT_NEAR(record["kl_ab"][i].get<double>(), expected.at(id)["kl_ab"][i].get<double>(), 1e-4) << id;
    }
    const ordered_json identity = manifest("gpu/manifest.json")["identity"];
    EXPECT_EQ(identity["base"]["model"]["device"]["gpus"], ordered_json({"a device for tests"}));
    EXPECT_EQ(manifest("gpu/manifest.json")["devices"].size(), 2U);
    EXPECT_ERROR(run("cpu", "gpu", 6), ErrorKind::BadInput, "base.model.device");
}

}  // namespace
}  // namespace urial::app
