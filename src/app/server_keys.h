#pragma once

// Which key goes to which server. A key is for one origin (scheme, host and port) and goes to no other.

#include <filesystem>
#include <map>
#include <string>

#include "app/models.h"
#include "http/client.h"

namespace urial::app {

class ServerKeys {
public:
    /// `key_file` (may be empty): a file that holds one key, for every server that is asked for here. Else a key comes
    /// from keys.toml in the user's folder of settings, which nobody else may read ("https://host:8000" = "KEY"), else
    /// from OPENAI_API_KEY for the origin of OPENAI_BASE_URL, or OpenAI's own. Throws Error{NotFound|BadInput|Io}
    /// naming the file; no message holds a key.
    explicit ServerKeys(const std::filesystem::path& key_file);

    /// The server with its key, and where that comes from. Warns of a key that goes over a network as plain text.
    http::Server server(const std::string& base_url, const Callbacks& callbacks) const;

private:
    std::string key_file_;
    std::string key_of_all_;
    std::string per_server_file_;
    std::map<std::string, std::string> per_server_;  // by origin
};

/// An address to which a key goes as plain text, over a network.
bool is_open_to_others(const std::string& base_url);

}  // namespace urial::app
