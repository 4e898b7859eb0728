#include "app/server_keys.h"

#include <fmt/format.h>

#include "app/key_file.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "base/toml_reader.h"
#include "http/http.h"

namespace urial::app {
namespace {

constexpr std::string_view kOpenAi = "https://api.openai.com/v1";
constexpr std::size_t kMostKeyFileBytes = 64u << 10;

bool others_may_read(const fs::path& file) {
    using fs::perms;
    std::error_code ignored;
    const perms others = perms::group_read | perms::group_write | perms::others_read | perms::others_write;
    return fs::is_regular_file(file, ignored) && (fs::status(file, ignored).permissions() & others) != perms::none;
}

std::map<std::string, std::string> read_keys(const fs::path& file) {
    if (others_may_read(file)) {
        throw error(ErrorKind::BadInput, "{}: others may read the keys in it; chmod 600 {}", file.string(),
                    file.string());
    }
    std::map<std::string, std::string> keys;
    const std::string text = read_text_file(file, kMostKeyFileBytes);
    for (const auto& [address, node] : parse_toml(text, file.string())) {
        const auto* key = node.as_string();
        const std::string where = fmt::format("{}:{}", file.string(), address.source().begin.line);
        if (key == nullptr) {
            throw error(ErrorKind::BadInput, "{}: an address and its key are needed: \"https://host:8000\" = \"KEY\"",
                        where);
        }
        const std::string url(address.str());
        if (!url.starts_with("https://") && !url.starts_with("http://")) {
            throw error(ErrorKind::BadInput, "{}: '{}' is no address; it begins with https:// or http://", where,
                        printable(url));
        }
        keys[http::origin_of(url)] = key->get();
    }
    return keys;
}

}  // namespace

bool is_open_to_others(const std::string& base_url) {
    return lower_ascii(base_url).starts_with("http://") && !http::is_loopback(base_url);
}

ServerKeys::ServerKeys(const fs::path& key_file) : key_file_(key_file.string()) {
    if (!key_file_.empty()) {
        const std::vector<std::string> keys = read_key_file(key_file);
        if (keys.size() > 1) {
            throw error(ErrorKind::BadInput, "{}: there are {} keys in it, one a line; one is needed", key_file_,
                        keys.size());
        }
        key_of_all_ = keys.front();
        return;
    }
    const fs::path file = user_config_dir() / "keys.toml";
    per_server_file_ = file.string();
    std::error_code ignored;
    if (fs::exists(file, ignored)) per_server_ = read_keys(file);
}

http::Server ServerKeys::server(const std::string& base_url, const Callbacks& callbacks) const {
    http::Server server{base_url, "", fmt::format("--api-key-file, or a line for it in {}", per_server_file_)};
    if (http::form_of_address(base_url) != http::AddressForm::Plain) return server;  // the client refuses it
    const std::string origin = http::origin_of(base_url);
    if (!key_of_all_.empty()) {
        server.key = key_of_all_;
        server.key_name = key_file_;
    } else if (const auto found = per_server_.find(origin); found != per_server_.end()) {
        server.key = found->second;
        server.key_name = per_server_file_;
    } else if (origin == http::origin_of(environment("OPENAI_BASE_URL").value_or(std::string(kOpenAi)))) {
        server.key = environment("OPENAI_API_KEY").value_or("");
        server.key_name = "OPENAI_API_KEY";
    }
    if (!server.key.empty() && is_open_to_others(base_url)) {
        tell(callbacks.warning, fmt::format("{}: the key of {} goes there unencrypted", base_url, server.key_name));
    }
    return server;
}

}  // namespace urial::app
