#pragma once

// An address taken apart by libcurl's rules, which are those by which it is fetched.

#include <memory>
#include <optional>
#include <string>

#include <curl/curl.h>

namespace urial::http {

class Address {
public:
    /// std::nullopt for what is no address.
    static std::optional<Address> parse(const std::string& text);

    /// std::nullopt where the address has no such part. A port that is left out is the scheme's.
    std::optional<std::string> part(CURLUPart which) const;

private:
    struct Cleanup {
        void operator()(CURLU* url) const { curl_url_cleanup(url); }
    };

    std::unique_ptr<CURLU, Cleanup> url_{curl_url()};
};

}  // namespace urial::http
