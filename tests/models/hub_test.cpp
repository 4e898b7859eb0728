#include "models/hub.h"

#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/hash.h"
#include "models/models.h"
#include "support/expect_error.h"
#include "support/hub_server.h"
#include "support/sandbox.h"

namespace urial::models {
namespace {

using test::HttpHead;
using test::HubScript;
using test::HubServer;
using test::ScopedEnvironment;

constexpr http::RetryOptions kQuick{.most_failures = 4, .first_wait = std::chrono::milliseconds(1)};
constexpr http::RetryOptions kNoRetry{.most_failures = 1};
constexpr const char* kSecret = "hf_SecretTokenOfTheTest";

class Hub : public ::testing::Test {
protected:
    Hub() {
        for (std::size_t index = 0; index < 300'000; ++index) content_ += static_cast<char>(index * index % 251);
    }

    /// A hub with one file, x-Q4_K_M.gguf.
    HubScript one_file() const {
        HubScript script;
        script.files.push_back({.name = "x-Q4_K_M.gguf", .content = content_, .promised_sha256 = {}});
        return script;
    }

    fs::path fetch(const HubServer& server, const std::string& spec = "hf:someone/tiny-GGUF",
                   const http::RetryOptions& retries = kQuick, std::function<bool()> cancelled = {}) {
        const ScopedEnvironment endpoint("HF_ENDPOINT", server.url() + "/");
        FetchOptions options;
        options.notice = [&](std::string_view line) { notices_ += std::string(line) + "\n"; };
        options.progress = [&](const Progress& progress) { progress_.push_back(progress); };
        options.cancelled = std::move(cancelled);
        return fetch_from_hub(parse_model_spec(spec), options, retries);
    }

    fs::path repository() const { return folder_ / "hf/hub/models--someone--tiny-GGUF"; }
    fs::path incomplete() const { return repository() / "blobs" / (sha256_hex(content_) + ".incomplete"); }

    test::TemporaryFolder folder_;
    std::string content_;
    std::string notices_;
    std::vector<Progress> progress_;

    ScopedEnvironment home_{"HF_HOME", (folder_ / "hf").string()};
    ScopedEnvironment hub_cache_{"HF_HUB_CACHE", std::nullopt};
    ScopedEnvironment own_cache_{"URIAL_CACHE", (folder_ / "urial").string()};
    ScopedEnvironment token_{"HF_TOKEN", std::nullopt};
    ScopedEnvironment token_path_{"HF_TOKEN_PATH", std::nullopt};
    ScopedEnvironment offline_{"HF_HUB_OFFLINE", std::nullopt};
    ScopedEnvironment no_proxy_{"no_proxy", "127.0.0.1"};
};

std::vector<HttpHead> for_files(const HubServer& server) {
    std::vector<HttpHead> requests = server.requests();
    std::erase_if(requests,
                  [](const HttpHead& request) { return request.target.find("/resolve/") == std::string::npos; });
    return requests;
}

TEST_F(Hub, a_download_lands_in_the_layout_that_huggingface_hub_reads) {
    const HubServer server(one_file());
    const fs::path path = fetch(server);
    EXPECT_EQ(path, repository() / "snapshots/0123456789abcdef0123456789abcdef01234567/x-Q4_K_M.gguf");
    EXPECT_EQ(read_file(path), content_);
    EXPECT_EQ(fs::read_symlink(path), fs::path("../../blobs") / sha256_hex(content_));
    EXPECT_EQ(read_file(repository() / "refs/main"), "0123456789abcdef0123456789abcdef01234567");
    EXPECT_FALSE(fs::exists(incomplete()));
    EXPECT_NE(notices_.find("licence: apache-2.0"), std::string::npos) << notices_;
    ASSERT_FALSE(progress_.empty());
    EXPECT_EQ(progress_.back().done_bytes, content_.size());
    EXPECT_EQ(progress_.back().total_bytes, content_.size());
}

TEST_F(Hub, a_file_in_a_folder_of_the_repository_keeps_its_folder) {
    HubScript script = one_file();
    script.files.front().name = "sub/x-Q4_K_M.gguf";
    const HubServer server(script);
    const fs::path path = fetch(server);
    EXPECT_EQ(read_file(path), content_);
    EXPECT_EQ(fs::read_symlink(path), fs::path("../../../blobs") / sha256_hex(content_));
}

TEST_F(Hub, a_cached_file_needs_no_request) {
    const HubServer server(one_file());
    const fs::path first = fetch(server);
    const std::size_t requests = server.requests().size();
    EXPECT_EQ(fetch(server, "hf:someone/tiny-GGUF:q4_k_m"), first);
    EXPECT_EQ(server.requests().size(), requests);
}

TEST_F(Hub, a_cut_connection_is_resumed_where_it_broke) {
    HubScript script = one_file();
    script.cuts = {100'000, 50'000};
    const HubServer server(script);
    EXPECT_EQ(read_file(fetch(server)), content_);
    const auto requests = for_files(server);
    ASSERT_EQ(requests.size(), 3U);
    EXPECT_FALSE(requests[0].headers.contains("range"));
    EXPECT_EQ(requests[1].headers.at("range"), "bytes=100000-");
    EXPECT_EQ(requests[2].headers.at("range"), "bytes=150000-");
}

TEST_F(Hub, a_later_run_goes_on_where_an_earlier_one_stopped) {
    HubScript script = one_file();
    script.cuts = {100'000};
    const HubServer server(script);
    EXPECT_ERROR(fetch(server, "hf:someone/tiny-GGUF", kNoRetry), ErrorKind::Unavailable,
                 "stopped at 100000 of 300000 bytes");
    EXPECT_EQ(fs::file_size(incomplete()), 100'000U);
    EXPECT_EQ(read_file(fetch(server)), content_);
    EXPECT_EQ(for_files(server).back().headers.at("range"), "bytes=100000-");
    EXPECT_NE(notices_.find("resuming at 100.0 kB"), std::string::npos) << notices_;
}

TEST_F(Hub, a_server_that_ignores_ranges_makes_the_download_begin_anew) {
    HubScript script = one_file();
    script.cuts = {100'000};
    script.ignores_ranges = true;
    const HubServer server(script);
    EXPECT_EQ(read_file(fetch(server)), content_);
    EXPECT_EQ(for_files(server).size(), 2U);
}

TEST_F(Hub, a_server_that_sends_another_range_is_refused) {
    HubScript script = one_file();
    script.cuts = {100'000};
    script.sends_wrong_range = true;
    const HubServer server(script);
    EXPECT_ERROR(fetch(server), ErrorKind::BadInput, "another part of the file");
}

TEST_F(Hub, an_incomplete_file_of_other_content_ends_as_a_wrong_hash_and_not_as_a_model) {
    write_file_atomic(incomplete(), std::string(1000, 'x'));
    const HubServer server(one_file());
    EXPECT_ERROR(fetch(server), ErrorKind::BadInput, "the file was removed");
    EXPECT_FALSE(fs::exists(incomplete()));
    EXPECT_EQ(read_file(fetch(server)), content_);
}

TEST_F(Hub, a_passing_failure_of_the_server_is_tried_again) {
    HubScript script = one_file();
    script.first_statuses = {503, 429};
    const HubServer server(script);
    EXPECT_EQ(read_file(fetch(server)), content_);
}

TEST_F(Hub, a_server_that_keeps_failing_is_given_up) {
    HubScript script = one_file();
    script.file_status = 500;
    const HubServer server(script);
    EXPECT_ERROR(fetch(server), ErrorKind::Unavailable, "status 500");
    EXPECT_EQ(for_files(server).size(), 4U) << "once, and three retries";
}

TEST_F(Hub, a_server_that_asks_for_a_longer_wait_than_a_user_would_wait_is_left_alone) {
    HubScript script = one_file();
    script.first_statuses = {429};
    script.retry_after = "3600";
    const HubServer server(script);
    EXPECT_ERROR(fetch(server), ErrorKind::Unavailable, "status 429, which asks for a wait of 1h00m");
    EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Hub, a_wait_that_the_server_asks_for_is_said_and_can_be_interrupted) {
    HubScript script = one_file();
    script.first_statuses = {503};
    script.retry_after = "60";
    const HubServer server(script);
    const auto is_waiting = [&] { return notices_.find("status 503, which asks for a wait of 1m00s: waiting") == 0; };
    EXPECT_ERROR(fetch(server, "hf:someone/tiny-GGUF", kQuick, is_waiting), ErrorKind::Unavailable, "interrupted");
    EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Hub, the_token_goes_to_the_hub_and_not_to_the_server_that_it_redirects_to) {
    const ScopedEnvironment token("HF_TOKEN", kSecret);
    const HubServer storage(one_file());
    HubScript script = one_file();
    script.redirect_to = storage.url();
    const HubServer server(script);
    EXPECT_EQ(read_file(fetch(server)), content_);
    for (const HttpHead& request : server.requests()) {
        EXPECT_EQ(request.headers.at("authorization"), std::string("Bearer ") + kSecret) << request.target;
    }
    ASSERT_EQ(storage.requests().size(), 1U);
    EXPECT_FALSE(storage.requests().front().headers.contains("authorization"));
}

TEST_F(Hub, a_redirected_download_resumes_too) {
    HubScript faulty = one_file();
    faulty.cuts = {7};
    const HubServer storage(faulty);
    HubScript script = one_file();
    script.redirect_to = storage.url();
    const HubServer server(script);
    EXPECT_EQ(read_file(fetch(server)), content_);
    EXPECT_EQ(storage.requests().back().headers.at("range"), "bytes=7-");
}

TEST_F(Hub, the_token_file_counts_where_no_variable_is_set) {
    write_file_atomic(folder_ / "hf/token", std::string(kSecret) + "\n");
    const HubServer server(one_file());
    fetch(server);
    EXPECT_EQ(server.requests().front().headers.at("authorization"), std::string("Bearer ") + kSecret);
}

TEST_F(Hub, a_token_with_a_line_break_is_refused_and_not_shown) {
    const ScopedEnvironment token("HF_TOKEN", std::string(kSecret) + "\r\nX-Other: 1");
    const HubServer server(one_file());
    EXPECT_ERROR(fetch(server), ErrorKind::BadInput, "HF_TOKEN: the token holds characters");
    EXPECT_TRUE(server.requests().empty());
}

TEST_F(Hub, a_wrong_hash_removes_the_file_and_says_so) {
    HubScript script = one_file();
    script.files.front().promised_sha256 = std::string(64, 'a');
    const HubServer server(script);
    EXPECT_ERROR(fetch(server), ErrorKind::BadInput, "the file was removed, run this again");
    EXPECT_TRUE(fs::is_empty(repository() / "blobs"));
    EXPECT_FALSE(fs::exists(repository() / "refs/main"));
}

TEST_F(Hub, a_server_that_sends_too_much_is_refused) {
    HubScript script = one_file();
    script.files.front().promised_bytes = 1000;
    const HubServer server(script);
    EXPECT_ERROR(fetch(server), ErrorKind::BadInput, "more than the 1000 bytes");
}

TEST_F(Hub, a_gated_model_says_how_to_get_access) {
    HubScript script = one_file();
    script.file_status = 401;
    script.error_code = "GatedRepo";
    const HubServer server(script);
    EXPECT_ERROR(fetch(server), ErrorKind::Unavailable, "accept the model's terms at " + server.url());
    EXPECT_ERROR(fetch(server), ErrorKind::Unavailable, "set HF_TOKEN");
    EXPECT_EQ(for_files(server).size(), 2U) << "a refusal is not tried again";
}

TEST_F(Hub, a_token_without_access_is_named_by_its_origin_and_never_shown) {
    const ScopedEnvironment token("HF_TOKEN", kSecret);
    HubScript script = one_file();
    script.file_status = 403;
    const HubServer server(script);
    try {
        fetch(server);
        FAIL() << "no error";
    } catch (const Error& error) {
        const std::string text = error.what();
        EXPECT_NE(text.find("the token of HF_TOKEN was refused"), std::string::npos) << text;
        EXPECT_EQ((text + notices_).find(kSecret), std::string::npos);
    }
}

TEST_F(Hub, a_repository_that_does_not_exist_is_not_found) {
    const HubServer server(one_file());
    EXPECT_ERROR(fetch(server, "hf:someone/other"), ErrorKind::NotFound, "does not exist");
    HubScript hidden = one_file();
    hidden.first_statuses = {401};
    hidden.error_code = "RepoNotFound";
    const HubServer strict(hidden);
    EXPECT_ERROR(fetch(strict), ErrorKind::NotFound, "or it is private and HF_TOKEN is not set");
}

TEST_F(Hub, a_file_that_vanished_is_not_found) {
    HubScript script = one_file();
    script.file_status = 404;
    const HubServer server(script);
    EXPECT_ERROR(fetch(server), ErrorKind::NotFound, "x-Q4_K_M.gguf does not exist");
}

TEST_F(Hub, offline_mode_asks_nobody_and_uses_what_is_there) {
    const HubServer server(one_file());
    {
        const ScopedEnvironment offline("HF_HUB_OFFLINE", "1");
        EXPECT_ERROR(fetch(server), ErrorKind::NotFound, "HF_HUB_OFFLINE forbids downloads");
        EXPECT_TRUE(server.requests().empty());
    }
    const fs::path path = fetch(server);
    const ScopedEnvironment offline("HF_HUB_OFFLINE", "TRUE");
    EXPECT_EQ(fetch(server), path);
}

TEST_F(Hub, a_hub_that_cannot_be_reached_is_named) {
    const ScopedEnvironment endpoint("HF_ENDPOINT", "http://127.0.0.1:1");
    EXPECT_ERROR(fetch_from_hub(parse_model_spec("hf:a/b"), {}, kQuick), ErrorKind::Unavailable,
                 "http://127.0.0.1:1 does not answer");
}

TEST_F(Hub, a_listing_that_is_none_is_refused) {
    for (const char* text :
         {"<html></html>", "{}", "[]", R"({"sha":"0123456789","siblings":[{"rfilename":"a.gguf"}]})"}) {
        SCOPED_TRACE(text);
        HubScript script = one_file();
        script.listing = text;
        const HubServer server(script);
        EXPECT_ERROR(fetch(server), ErrorKind::BadInput, "does not answer as a Hugging Face hub does");
    }
}

TEST_F(Hub, names_and_hashes_that_would_leave_the_cache_are_refused) {
    for (const char* name : {"../../x.gguf", "/x.gguf", "a/../x.gguf", "a//x.gguf", "..\\x.gguf", "a\n.gguf"}) {
        SCOPED_TRACE(name);
        HubScript script = one_file();
        script.files.front().name = name;
        const HubServer server(script);
        EXPECT_ERROR(fetch(server), ErrorKind::BadInput, "would leave the cache");
    }
    HubScript hash = one_file();
    hash.files.front().promised_sha256 = "../../../x";
    const HubServer server(hash);
    EXPECT_ERROR(fetch(server), ErrorKind::BadInput, "the sha256 of x-Q4_K_M.gguf is none");
    HubScript commit = one_file();
    commit.commit = "../x";
    const HubServer other(commit);
    EXPECT_ERROR(fetch(other), ErrorKind::BadInput, "its commit is no hash");
    EXPECT_FALSE(fs::exists(folder_ / "hf/hub")) << "nothing was written";
}

TEST_F(Hub, the_quantisation_chooses_the_file_whatever_its_case) {
    HubScript script = one_file();
    script.files.push_back({.name = "x-Q8_0.gguf", .content = "eight", .promised_sha256 = {}});
    script.files.push_back({.name = "mmproj-x-f16.gguf", .content = "eyes", .promised_sha256 = {}});
    const HubServer server(script);
    EXPECT_EQ(fetch(server, "hf:someone/tiny-GGUF:q8_0").filename(), "x-Q8_0.gguf");
    EXPECT_EQ(fetch(server, "hf:someone/tiny-GGUF:mmproj-x-f16.gguf").filename(), "mmproj-x-f16.gguf");
    EXPECT_EQ(fetch(server, "hf:someone/tiny-GGUF:Q4_K_M").filename(), "x-Q4_K_M.gguf");
}

TEST_F(Hub, a_choice_that_fits_several_files_or_none_lists_what_there_is) {
    HubScript script = one_file();
    script.files.push_back({.name = "x-Q8_0.gguf", .content = "eight", .promised_sha256 = {}});
    const HubServer server(script);
    EXPECT_ERROR(fetch(server), ErrorKind::BadInput, "2 files fit");
    EXPECT_ERROR(fetch(server), ErrorKind::BadInput, "x-Q4_K_M.gguf (300.0 kB), x-Q8_0.gguf (5 B)");
    EXPECT_ERROR(fetch(server, "hf:someone/tiny-GGUF:Q2_K"), ErrorKind::NotFound,
                 "no file of the repository is 'Q2_K'");
    const HubServer empty(HubScript{});
    EXPECT_ERROR(fetch(empty), ErrorKind::NotFound, "no GGUF file");
}

TEST_F(Hub, a_split_model_is_refused_with_the_reason) {
    HubScript script;
    script.files.push_back({.name = "x-F16-00001-of-00002.gguf", .content = "one", .promised_sha256 = {}});
    script.files.push_back({.name = "x-F16-00002-of-00002.gguf", .content = "two", .promised_sha256 = {}});
    const HubServer server(script);
    EXPECT_ERROR(fetch(server), ErrorKind::BadInput, "split into 2 files");
}

TEST_F(Hub, a_model_larger_than_the_disk_is_refused_before_the_first_byte) {
    HubScript script = one_file();
    script.files.front().promised_bytes = 1'000'000'000'000'000'000;
    const HubServer server(script);
    EXPECT_ERROR(fetch(server), ErrorKind::Io, "free some space");
    EXPECT_TRUE(for_files(server).empty());
}

TEST_F(Hub, a_cache_that_cannot_be_written_is_named_with_the_remedy) {
    const ScopedEnvironment cache("HF_HUB_CACHE", "/proc/urial-test");
    const HubServer server(one_file());
    EXPECT_ERROR(fetch(server), ErrorKind::Io, "/proc/urial-test");
    EXPECT_ERROR(fetch(server), ErrorKind::Io, "set HF_HUB_CACHE");
}

TEST_F(Hub, a_second_download_of_the_same_file_is_refused_while_the_first_runs) {
    const HubServer server(one_file());
    const FileLock lock(folder_ / "hf/hub/.locks/models--someone--tiny-GGUF" / (sha256_hex(content_) + ".lock"), "it");
    EXPECT_ERROR(fetch(server), ErrorKind::Unavailable, "another process is downloading hf:someone/tiny-GGUF");
}

TEST_F(Hub, a_cancelled_download_keeps_what_has_come) {
    HubScript script = one_file();
    script.cuts = {100'000};
    const HubServer server(script);
    EXPECT_ERROR(fetch(server, "hf:someone/tiny-GGUF", {.first_wait = std::chrono::minutes(1)},
                       [&] { return fs::exists(incomplete()) && fs::file_size(incomplete()) == 100'000; }),
                 ErrorKind::Unavailable, "interrupted");
    EXPECT_EQ(fs::file_size(incomplete()), 100'000U);
}

TEST_F(Hub, another_quantisation_on_the_disk_is_named) {
    HubScript script = one_file();
    script.files.push_back({.name = "x-Q8_0.gguf", .content = "eight", .promised_sha256 = {}});
    const HubServer server(script);
    fetch(server, "hf:someone/tiny-GGUF:Q8_0");
    {
        const ScopedEnvironment offline("HF_HUB_OFFLINE", "1");
        EXPECT_ERROR(fetch(server, "hf:someone/tiny-GGUF:Q4_K_M"), ErrorKind::NotFound,
                     "on this disk there is hf:someone/tiny-GGUF:Q8_0");
    }
    notices_.clear();
    fetch(server, "hf:someone/tiny-GGUF:Q4_K_M");
    EXPECT_NE(notices_.find("on this disk there is hf:someone/tiny-GGUF:Q8_0"), std::string::npos) << notices_;
}

TEST_F(Hub, a_removed_model_takes_its_blob_and_in_the_end_the_repository_with_it) {
    HubScript script = one_file();
    script.files.push_back({.name = "sub/x-Q8_0.gguf", .content = "eight", .promised_sha256 = {}});
    const HubServer server(script);
    const fs::path four = fetch(server, "hf:someone/tiny-GGUF:Q4_K_M");
    const fs::path eight = fetch(server, "hf:someone/tiny-GGUF:Q8_0");
    EXPECT_ERROR(plan_removal(parse_model_spec("hf:someone/tiny-GGUF")), ErrorKind::BadInput,
                 "there is hf:someone/tiny-GGUF:Q8_0 and hf:someone/tiny-GGUF:Q4_K_M");
    EXPECT_ERROR(plan_removal(parse_model_spec("hf:someone/tiny-GGUF:Q2_K")), ErrorKind::NotFound, "nothing of that");
    const Removal first = plan_removal(parse_model_spec("hf:someone/tiny-GGUF:Q4_K_M"));
    EXPECT_EQ(first.freed_bytes, content_.size());
    remove_model(first);
    EXPECT_FALSE(fs::exists(fs::symlink_status(four)));
    EXPECT_FALSE(fs::exists(repository() / "blobs" / sha256_hex(content_)));
    EXPECT_TRUE(fs::exists(eight));
    remove_model(plan_removal(parse_model_spec("hf:someone/tiny-GGUF:Q8_0")));
    EXPECT_FALSE(fs::exists(repository()));
}

TEST_F(Hub, a_blob_that_another_revision_uses_stays) {
    const HubServer server(one_file());
    const fs::path path = fetch(server);
    const fs::path older = repository() / "snapshots/older/x-Q4_K_M.gguf";
    fs::create_directories(older.parent_path());
    fs::create_symlink("../../blobs/" + sha256_hex(content_), older);
    const Removal removal = plan_removal(parse_model_spec("hf:someone/tiny-GGUF"));
    EXPECT_EQ(removal.freed_bytes, 0U);
    EXPECT_NE(removal.kept.find("older"), std::string::npos) << removal.kept;
    remove_model(removal);
    EXPECT_FALSE(fs::exists(fs::symlink_status(path)));
    EXPECT_EQ(read_file(older), content_);
}

TEST_F(Hub, a_link_out_of_the_repository_goes_and_what_it_points_to_stays) {
    const HubServer server(one_file());
    const fs::path path = fetch(server);
    const fs::path outside = folder_ / "precious.gguf";
    write_file_atomic(outside, "mine");
    fs::remove(path);
    fs::create_symlink(outside, path);
    const Removal removal = plan_removal(parse_model_spec("hf:someone/tiny-GGUF"));
    EXPECT_EQ(removal.freed_bytes, 0U);
    remove_model(removal);
    EXPECT_FALSE(fs::exists(fs::symlink_status(path)));
    EXPECT_EQ(read_file(outside), "mine");
}

TEST_F(Hub, a_downloaded_model_is_listed_with_what_to_type) {
    HubScript script = one_file();
    script.files.push_back({.name = "x-Q8_0.gguf", .content = "not a model", .promised_sha256 = {}});
    const HubServer server(script);
    fetch(server, "hf:someone/tiny-GGUF:Q4_K_M");
    const fs::path path = fetch(server, "hf:someone/tiny-GGUF:q8_0");
    const std::vector<InstalledModel> models = installed_models();
    ASSERT_EQ(models.size(), 2U);
    EXPECT_EQ(models[0].spec, "hf:someone/tiny-GGUF:Q4_K_M");
    EXPECT_EQ(models[1].spec, "hf:someone/tiny-GGUF:Q8_0");
    EXPECT_EQ(models[1].path, path);
    EXPECT_FALSE(models[1].summary.has_value());
    EXPECT_NE(models[1].problem.find("another kind of file"), std::string::npos);
}

}  // namespace
}  // namespace urial::models
