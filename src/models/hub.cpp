// The protocol: GET /api/models/OWNER/NAME/revision/main?blobs=true lists the files with size and sha256 and names the
// commit; GET /OWNER/NAME/resolve/COMMIT/FILE gives (mostly by a redirect to another server) the bytes. Bytes go to
// blobs/<sha256>.incomplete, where a later run goes on; the sha256 is computed while they arrive.

#include "models/hub.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <random>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/hash.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "models/cache.h"
#include "models/download.h"
#include "models/hub_cache.h"

namespace urial::models {
namespace {

constexpr std::chrono::seconds kListingTime{60};
constexpr int kMostListingFailures = 3;
constexpr JsonLimits kListingLimits{.bytes = 64 << 20};
constexpr std::size_t kMostNamesInMessage = 20;

struct HubFile {
    std::string name;
    std::uint64_t bytes = 0;
    std::string sha256;
};

struct Listing {
    std::string commit;
    std::string license;
    std::vector<HubFile> files;  // GGUF files only
};

bool is_hex(std::string_view text, std::size_t least, std::size_t most) {
    return text.size() >= least && text.size() <= most &&
           std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool may_pass(const http::Reply& reply) {
    return (!reply.failure.empty() && reply.may_pass) || reply.status == 429 || reply.status / 100 == 5;
}

/// What the server asks for.
std::optional<std::chrono::seconds> retry_after(const http::Reply& reply) {
    const auto header = reply.headers.find("retry-after");
    return header == reply.headers.end() ? std::nullopt : http::parse_retry_after(header->second);
}

std::string reason_of(const http::Reply& reply) {
    if (!reply.failure.empty()) return reply.failure;
    const std::optional<std::chrono::seconds> wish = retry_after(reply);
    if (!wish) return fmt::format("status {}", reply.status);
    return fmt::format("status {}, which asks for a wait of {}", reply.status,
                       human_seconds(static_cast<double>(wish->count())));
}

/// Counts the failures in a row and waits after each. A wait that the server asks for is said.
class Retries {
public:
    Retries(const http::RetryOptions& options, const FetchOptions& fetch) : options_(options), fetch_(fetch) {}

    void succeeded() { failures_ = 0; }
    /// False: no more tries. `tick` is called while waiting; it may throw.
    bool wait_after(const http::Reply& reply, const http::OnTick& tick) {
        const std::optional<std::chrono::seconds> wish = retry_after(reply);
        if (++failures_ >= options_.most_failures || wish > options_.longest_retry_after) return false;
        if (wish) notify(fetch_, fmt::format("{}: waiting", reason_of(reply)));
        const double random = std::uniform_real_distribution<double>(0, 1)(random_);
        const auto end = Clock::now() + http::wait_before_retry(options_, failures_, wish, random);
        for (auto now = Clock::now(); now < end; now = Clock::now()) {
            tick();
            std::this_thread::sleep_for(std::min<Clock::duration>(end - now, kTickTime));
        }
        return true;
    }

private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds kTickTime{50};

    http::RetryOptions options_;
    const FetchOptions& fetch_;
    std::mt19937_64 random_{std::random_device()()};
    int failures_ = 0;
};

/// The file that grows while it is downloaded, with the hash of what it holds.
class PartialFile {
public:
    explicit PartialFile(fs::path path) : path_(std::move(path)) {
        descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (descriptor_ < 0) fail("open");
        for_each_block(path_, [&](std::string_view block) {
            hash_.update(block);
            bytes_ += block.size();
        });
    }
    ~PartialFile() { ::close(descriptor_); }
    PartialFile(const PartialFile&) = delete;
    PartialFile& operator=(const PartialFile&) = delete;

    std::uint64_t bytes() const { return bytes_; }
    std::string finish_hash() { return hash_.finish_hex(); }

    void append(std::string_view piece) {
        hash_.update(piece);
        bytes_ += piece.size();
        while (!piece.empty()) {
            const ssize_t written = ::write(descriptor_, piece.data(), piece.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) fail("write");
            piece.remove_prefix(static_cast<std::size_t>(written));
        }
    }
    void restart() {
        if (::ftruncate(descriptor_, 0) != 0) fail("shorten");
        hash_ = Sha256();
        bytes_ = 0;
    }
    void rename_to(const fs::path& target) {
        if (::fsync(descriptor_) != 0) fail("write");
        if (::rename(path_.c_str(), target.c_str()) != 0) fail("rename");
    }
    void remove() { ::unlink(path_.c_str()); }

private:
    [[noreturn]] void fail(std::string_view action) const {
        const int code = errno;
        throw error(ErrorKind::Io, "{}: cannot {}: {}{}", path_.string(), action, std::strerror(code),
                    code == ENOSPC ? "; free some space and run this again: it goes on where it stopped" : "");
    }

    fs::path path_;
    int descriptor_ = -1;
    std::uint64_t bytes_ = 0;
    Sha256 hash_;
};

class HubDownload {
public:
    HubDownload(const ModelSpec& spec, const HubSettings& settings, const FetchOptions& options,
                const http::RetryOptions& retries)
        : spec_(spec),
          settings_(settings),
          token_(hub_token()),
          options_(options),
          retries_(retries),
          folder_(settings, spec.repository) {}

    fs::path run() {
        const Listing listing = list();
        const HubFile file = choose(listing);
        const FileLock lock = lock_download(folder_.lock(file.sha256), spec_.text,
                                            "set HF_HUB_CACHE or HF_HOME to a folder that you may write");
        std::error_code ignored;
        if (!fs::is_regular_file(folder_.blob(file.sha256), ignored)) {
            notify(options_, fmt::format("{} of {} ({}), licence: {} (see {})", file.name, spec_.repository,
                                         human_bytes(static_cast<double>(file.bytes)),
                                         listing.license.empty() ? "not stated" : listing.license, page()));
            make_directories(folder_.blob(file.sha256).parent_path());
            download(listing.commit, file);
        }
        const fs::path path = folder_.link(listing.commit, file.name, file.sha256);
        remember_content_hash(path, file.sha256);
        return path;
    }

private:
    std::string page() const { return settings_.endpoint + "/" + spec_.repository; }

    Listing list() const {
        std::string body;
        http::GetRequest request;
        request.url = fmt::format("{}/api/models/{}/revision/main?blobs=true", settings_.endpoint, spec_.repository);
        request.bearer = token_.value;
        request.timeout = kListingTime;
        request.on_tick = [&] { end_if_cancelled(options_); };
        request.on_body = [&](const http::Reply&, std::string_view piece) {
            if (body.size() + piece.size() > kListingLimits.bytes) {
                throw error(ErrorKind::BadInput, "{}: the hub's list of files is larger than {}", spec_.text,
                            human_bytes(static_cast<double>(kListingLimits.bytes)));
            }
            body += piece;
            return true;
        };
        // Fewer tries than for a file: nothing is lost yet, and a machine without a network should learn that soon.
        http::RetryOptions fewer = retries_;
        fewer.most_failures = std::min(retries_.most_failures, kMostListingFailures);
        Retries retries(fewer, options_);
        for (;;) {
            body.clear();
            const http::Reply reply = http::get(request);
            if (reply.failure.empty() && reply.status == 200) return parse(body);
            if (!may_pass(reply)) refuse(reply, "the repository");
            if (!retries.wait_after(reply, request.on_tick)) {
                throw error(ErrorKind::Unavailable, "{}: {} does not answer ({}); check the network and HF_ENDPOINT",
                            spec_.text, settings_.endpoint, reason_of(reply));
            }
        }
    }

    Listing parse(const std::string& body) const {
        try {
            // What is no JSON at all has no "sha" either.
            const nlohmann::ordered_json reply = try_parse_json(body, kListingLimits).value_or(nullptr);
            Listing listing;
            listing.commit = reply.at("sha").get<std::string>();
            if (!is_hex(listing.commit, 7, 64)) throw error(ErrorKind::BadInput, "its commit is no hash");
            for (const auto& tag : reply.value("tags", nlohmann::ordered_json::array())) {
                const auto text = tag.get<std::string>();
                if (text.starts_with("license:")) listing.license = printable(text.substr(8));
            }
            for (const auto& sibling : reply.at("siblings")) {
                HubFile file{.name = sibling.at("rfilename").get<std::string>(), .bytes = 0, .sha256 = {}};
                if (!lower_ascii(file.name).ends_with(".gguf")) continue;
                if (!is_safe_file_name(file.name)) {
                    throw error(ErrorKind::BadInput, "it names a file '{}', which would leave the cache: refused",
                                printable(file.name));
                }
                const auto& lfs = sibling.at("lfs");
                file.bytes = lfs.at("size").get<std::uint64_t>();
                file.sha256 = lower_ascii(lfs.at("sha256").get<std::string>());
                if (!is_hex(file.sha256, 64, 64)) {
                    throw error(ErrorKind::BadInput, "the sha256 of {} is none", file.name);
                }
                listing.files.push_back(std::move(file));
            }
            return listing;
        } catch (const nlohmann::json::exception&) {
            throw error(ErrorKind::BadInput, "{}: {} does not answer as a Hugging Face hub does; check HF_ENDPOINT",
                        spec_.text, settings_.endpoint);
        } catch (const Error& failure) {
            throw error(ErrorKind::BadInput, "{}: the reply of {} is not to be trusted: {}", spec_.text,
                        settings_.endpoint, failure.what());
        }
    }

    HubFile choose(const Listing& listing) const {
        std::vector<std::string> names;
        for (const HubFile& file : listing.files) names.push_back(file.name);
        const std::vector<std::string> matches = matching_files(names, spec_.quantization);
        std::vector<std::string> whole = matches;
        std::erase_if(whole, is_split_file);
        if (whole.size() == 1) {
            return *std::ranges::find(listing.files, whole.front(), &HubFile::name);
        }
        if (names.empty()) {
            throw error(ErrorKind::NotFound,
                        "{}: the repository has no GGUF file; look for one that has, often named ...-GGUF", spec_.text);
        }
        if (whole.empty() && !matches.empty()) {
            throw error(
                ErrorKind::BadInput,
                "{}: this model is split into {} files, which urial does not join; choose one in a single file{}",
                spec_.text, matches.size(), describe(listing, names));
        }
        if (whole.empty()) {
            throw error(ErrorKind::NotFound, "{}: no file of the repository is '{}'{}", spec_.text, spec_.quantization,
                        describe(listing, names));
        }
        throw error(ErrorKind::BadInput, "{}: {} files fit; name one as hf:{}:QUANTISATION or hf:{}:FILE.gguf{}",
                    spec_.text, whole.size(), spec_.repository, spec_.repository, describe(listing, whole));
    }

    static std::string describe(const Listing& listing, const std::vector<std::string>& names) {
        std::string text = "; there are: ";
        for (std::size_t index = 0; index < names.size(); ++index) {
            if (index == kMostNamesInMessage) return text + fmt::format(" and {} more", names.size() - index);
            const auto file = std::ranges::find(listing.files, names[index], &HubFile::name);
            text += fmt::format("{}{} ({})", index == 0 ? "" : ", ", file->name,
                                human_bytes(static_cast<double>(file->bytes)));
        }
        return text;
    }

    void download(const std::string& commit, const HubFile& file) const {
        PartialFile partial(folder_.blob(file.sha256 + ".incomplete"));
        if (partial.bytes() > file.bytes) partial.restart();
        require_space(settings_.cache, file.bytes - partial.bytes());
        if (partial.bytes() > 0) {
            notify(options_, fmt::format("resuming at {}", human_bytes(static_cast<double>(partial.bytes()))));
        }
        receive(commit, file, partial);
        const std::string actual = partial.finish_hash();
        if (actual != file.sha256) {
            partial.remove();
            throw error(ErrorKind::BadInput,
                        "{}: {} came with sha256 {}, the hub promises {}; the file was removed, run this again",
                        spec_.text, file.name, actual, file.sha256);
        }
        partial.rename_to(folder_.blob(file.sha256));
    }

    void receive(const std::string& commit, const HubFile& file, PartialFile& partial) const {
        ProgressReporter progress(options_, file.bytes);
        Retries retries(retries_, options_);
        http::GetRequest request;
        request.url =
            fmt::format("{}/{}/resolve/{}/{}", settings_.endpoint, spec_.repository, commit, http::url_path(file.name));
        request.bearer = token_.value;
        request.on_tick = [&] { progress.report(partial.bytes()); };
        while (partial.bytes() < file.bytes) {
            const std::uint64_t first = partial.bytes();
            request.first_byte = first;
            bool begun = false;
            request.on_body = [&](const http::Reply& head, std::string_view piece) {
                if (!begun) begin(head, partial);
                begun = true;
                if (piece.size() > file.bytes - partial.bytes()) {
                    throw error(ErrorKind::BadInput, "{}: the server sends more than the {} bytes of {}", spec_.text,
                                file.bytes, file.name);
                }
                partial.append(piece);
                return true;
            };
            const http::Reply reply = http::get(request);
            if (partial.bytes() == file.bytes) break;
            if (partial.bytes() > first) retries.succeeded();
            const bool ended_early = reply.failure.empty() && reply.status / 100 == 2;
            if (reply.status == 416) {
                partial.restart();
            } else if (!may_pass(reply) && !ended_early) {
                refuse(reply, file.name);
            }
            if (!retries.wait_after(reply, request.on_tick)) {
                throw error(ErrorKind::Unavailable,
                            "{}: the download stopped at {} of {} bytes ({}); run this again, it goes on from there",
                            spec_.text, partial.bytes(), file.bytes,
                            ended_early ? "the server closed the connection" : reason_of(reply));
            }
        }
        progress.finish();
    }

    /// The first bytes of a reply: a server that ignores the range sends the file from its begin.
    void begin(const http::Reply& head, PartialFile& partial) const {
        if (partial.bytes() == 0) return;
        if (head.status != 206) {
            notify(options_, "the server does not resume, beginning anew");
            partial.restart();
            return;
        }
        const auto range = head.headers.find("content-range");
        const std::string expected = fmt::format("bytes {}-", partial.bytes());
        if (range == head.headers.end() || !range->second.starts_with(expected)) {
            throw error(ErrorKind::BadInput, "{}: the server sends another part of the file than was asked for",
                        spec_.text);
        }
    }

    [[noreturn]] void refuse(const http::Reply& reply, std::string_view what) const {
        const auto header = reply.headers.find("x-error-code");
        const std::string code = header == reply.headers.end() ? "" : header->second;
        if (reply.failure.empty() && (reply.status == 404 || code == "RepoNotFound")) {
            throw error(ErrorKind::NotFound, "{}: {} does not exist at {}, or it is private and {}", spec_.text, what,
                        page(), token_.value.empty() ? "HF_TOKEN is not set" : "the token does not open it");
        }
        if (reply.failure.empty() && (reply.status == 401 || reply.status == 403)) {
            const std::string token = token_.value.empty() ? "then set HF_TOKEN to a token of your account"
                                                           : fmt::format("the token of {} was refused", token_.origin);
            throw error(
                ErrorKind::Unavailable,
                "{}: access to {} is restricted (status {}): accept the model's terms at {} with your account; {}",
                spec_.text, what, reply.status, page(), token);
        }
        throw error(ErrorKind::Unavailable, "{}: {} cannot be had from {}: {}", spec_.text, what, settings_.endpoint,
                    reason_of(reply));
    }

    const ModelSpec& spec_;
    const HubSettings& settings_;
    HubToken token_;
    const FetchOptions& options_;
    const http::RetryOptions& retries_;
    HubRepository folder_;
};

}  // namespace

fs::path fetch_from_hub(const ModelSpec& spec, const FetchOptions& options, const http::RetryOptions& retries) {
    const HubSettings settings = hub_settings();
    if (const auto cached = find_in_hub_cache(settings, spec.repository, spec.quantization)) return *cached;
    const std::vector<std::string> others = cached_specs(settings, spec.repository);
    const std::string on_disk =
        others.empty() ? "" : fmt::format("on this disk there is {}", fmt::join(others, " and "));
    if (settings.offline || !options.download) {
        throw error(ErrorKind::NotFound, "{}: not in {}, and {}; {}to get it: {}urial pull {}", spec.text,
                    settings.cache.string(),
                    settings.offline ? "HF_HUB_OFFLINE forbids downloads" : "downloads are off",
                    on_disk.empty() ? "" : on_disk + "; ", settings.offline ? "HF_HUB_OFFLINE=0 " : "", spec.text);
    }
    if (!on_disk.empty()) notify(options, fmt::format("{}: {}; asking the hub", spec.text, on_disk));
    return HubDownload(spec, settings, options, retries).run();
}

}  // namespace urial::models
