#include "engine/model_trial.h"

#include <fstream>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/text.h"
#include "support/expect_error.h"
#include "support/paths.h"
#include "support/sandbox.h"
#include "support/tiny_gguf.h"

namespace urial::engine {
namespace {

using test::TinyGguf;

class ModelTrial : public ::testing::Test {
protected:
    fs::path write(const TinyGguf& file, const std::string& name = "model.gguf") {
        file.write(folder_ / name);
        return folder_ / name;
    }
    TrialOptions options() const {
        TrialOptions options;
        options.program = test::binary_path();
        options.identity = "some content";
        options.verdicts = folder_ / "trials";
        return options;
    }
    std::size_t verdicts() const {
        if (!fs::exists(folder_ / "trials")) return 0;
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_ / "trials"), {}));
    }
    /// Of a file over which the engine ends its process.
    static TinyGguf deadly() { return TinyGguf::language_model().set("llama.expert_count", std::uint32_t{100'000}); }
    /// A program that does as the script says in the place of the trial.
    fs::path program(std::string_view script) {
        const fs::path path = folder_ / "program.sh";
        write_file_atomic(path, "#!/bin/sh\n" + std::string(script) + "\n", 0755);
        return path;
    }

    test::TemporaryFolder folder_;
};

TEST_F(ModelTrial, a_sound_model_passes_and_is_not_tried_again) {
    ModelOptions model;
    model.path = write(TinyGguf::language_model());
    try_model(model, options());
    EXPECT_EQ(verdicts(), 1U);
    TrialOptions again = options();
    again.program = "/nonexistent";
    try_model(model, again);
    again.identity = "other content";
    EXPECT_ERROR(try_model(model, again), ErrorKind::Io, "cannot be started");
}

TEST_F(ModelTrial, what_ends_the_engine_is_an_error_with_its_last_words_now_and_later) {
    ModelOptions model;
    model.path = write(deadly());
    EXPECT_ERROR(try_model(model, options()), ErrorKind::Model,
                 "while loading it; its last words: llama-model.cpp:1361: GGML_ASSERT(hparams.n_expert <=");
    EXPECT_EQ(verdicts(), 1U);
    TrialOptions again = options();
    again.program = "/nonexistent";
    EXPECT_ERROR(try_model(model, again), ErrorKind::Model, "to have it tried once more, remove");
}

TEST_F(ModelTrial, no_debugger_and_no_wall_of_addresses_comes_of_an_abort) {
    // A debugger of ours in front of the real ones.
    const fs::path started = folder_ / "started";
    for (const char* debugger : {"gdb", "lldb"}) {
        write_file_atomic(folder_ / "bin" / debugger, "#!/bin/sh\ntouch " + started.string() + "\n", 0755);
    }
    const test::ScopedEnvironment path("PATH", (folder_ / "bin").string() + ":" + std::getenv("PATH"));
    ModelOptions model;
    model.path = write(deadly());
    EXPECT_ERROR(try_model(model, options()), ErrorKind::Model, "GGML_ASSERT");
    EXPECT_FALSE(fs::exists(started));
}

TEST_F(ModelTrial, an_error_of_loading_is_the_error_itself_and_no_verdict) {
    ModelOptions model;
    model.path = write(TinyGguf::minimal());
    EXPECT_ERROR(try_model(model, options()), ErrorKind::Model, "unknown model architecture: 'tiny'");
    EXPECT_EQ(verdicts(), 0U);
}

TEST_F(ModelTrial, an_adapter_is_tried_with_its_model) {
    ModelOptions model;
    model.path = write(TinyGguf::language_model());
    model.adapters.push_back({write(TinyGguf::fitting_adapter(), "adapter.gguf"), 1.0F});
    try_model(model, options());
    model.adapters.front().path = write(TinyGguf::minimal(), "adapter.gguf");
    EXPECT_ERROR(try_model(model, TrialOptions{.program = test::binary_path()}), ErrorKind::Model, "not an adapter");
}

TEST_F(ModelTrial, without_a_folder_or_a_name_every_start_tries) {
    ModelOptions model;
    model.path = write(TinyGguf::language_model());
    TrialOptions nameless = options();
    nameless.identity.clear();
    try_model(model, nameless);
    TrialOptions nowhere = options();
    nowhere.verdicts = std::nullopt;
    try_model(model, nowhere);
    EXPECT_EQ(verdicts(), 0U);
    write_file_atomic(folder_ / "file", "in the way");
    TrialOptions unwritable = options();
    unwritable.verdicts = folder_ / "file/below";
    try_model(model, unwritable);
}

TEST_F(ModelTrial, a_process_that_does_not_end_is_ended_and_leaves_no_verdict) {
    ModelOptions model;
    model.path = write(TinyGguf::language_model());
    TrialOptions hanging = options();
    hanging.program = program("sleep 600");
    hanging.time_limit_s = 1;
    EXPECT_ERROR(try_model(model, hanging), ErrorKind::Model, "was not done after 1 s");
    EXPECT_EQ(verdicts(), 0U);
}

/// Neither gone nor waiting for its parent to notice.
bool is_alive(const std::string& process) {
    std::ifstream status("/proc/" + process + "/stat");
    std::string number, name, state;
    return status >> number >> name >> state && state != "Z";
}

TEST_F(ModelTrial, being_cancelled_ends_it_with_all_that_it_started) {
    ModelOptions model;
    model.path = write(TinyGguf::language_model());
    const fs::path sleeper = folder_ / "sleeper";
    TrialOptions cancelled = options();
    cancelled.program = program("sleep 600 & echo $! > " + sleeper.string() + ".new; mv " + sleeper.string() + ".new " +
                                sleeper.string() + "; wait");
    cancelled.cancelled = [&] { return fs::exists(sleeper); };
    EXPECT_ERROR(try_model(model, cancelled), ErrorKind::Unavailable, "was stopped");
    const std::string process(trim(read_file(sleeper)));
    for (int tenths = 0; is_alive(process) && tenths < 100; ++tenths) ::usleep(100'000);
    EXPECT_FALSE(is_alive(process));
}

TEST_F(ModelTrial, a_death_for_want_of_memory_is_no_verdict_on_the_file) {
    ModelOptions model;
    model.path = write(TinyGguf::language_model());
    TrialOptions killed = options();
    killed.program = program("kill -KILL $$");
    EXPECT_ERROR(try_model(model, killed), ErrorKind::Model, "signal 9");
    EXPECT_EQ(verdicts(), 0U);
}

TEST_F(ModelTrial, a_flood_of_output_is_not_kept) {
    ModelOptions model;
    model.path = write(TinyGguf::language_model());
    TrialOptions loud = options();
    loud.program = program("head -c 20000000 /dev/zero | tr '\\0' 'x'; echo; echo the end; kill -SEGV $$");
    EXPECT_ERROR(try_model(model, loud), ErrorKind::Model, "signal 11 (Segmentation fault); its last words: the end");
}

TEST_F(ModelTrial, a_slow_one_is_said_once) {
    ModelOptions model;
    model.path = write(TinyGguf::language_model());
    TrialOptions slow = options();
    slow.program = program("sleep 1.5");
    int said = 0;
    slow.on_slow = [&] { ++said; };
    try_model(model, slow);
    EXPECT_EQ(said, 1);
}

TEST_F(ModelTrial, a_damaged_verdict_is_found_anew) {
    ModelOptions model;
    model.path = write(TinyGguf::language_model());
    try_model(model, options());
    const fs::path verdict = fs::directory_iterator(folder_ / "trials")->path();
    write_file_atomic(verdict, "{\"sound\": ");
    try_model(model, options());
    EXPECT_EQ(read_file(verdict), "{\"sound\":true}\n");
}

}  // namespace
}  // namespace urial::engine
