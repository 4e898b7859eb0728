#include "serve/page.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/gzip.h"
#include "base/hash.h"
#include "base/text.h"
#include "page_files.h"

namespace urial::serve {
namespace {

constexpr int kSmallest = 9;
constexpr std::size_t kTagDigits = 16;

// Nothing from elsewhere, no script or style in the markup, and no text that becomes markup.
constexpr std::string_view kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'";

const char* content_type_of(std::string_view name) {
    if (name.ends_with(".html")) return "text/html; charset=utf-8";
    if (name.ends_with(".css")) return "text/css; charset=utf-8";
    return "text/javascript; charset=utf-8";
}

/// One file, as it is and packed.
struct PageFile {
    std::string path;
    HttpResponse plain;
    HttpResponse packed;
    std::string plain_tag;
    std::string packed_tag;
};

HttpResponse with_tag(std::string body, std::string_view name, const std::string& tag) {
    return {.body = std::move(body),
            .content_type = content_type_of(name),
            .headers = {{"etag", tag},
                        {"cache-control", "no-cache"},
                        {"vary", "accept-encoding"},
                        {"content-security-policy", std::string(kPagePolicy)},
                        {"referrer-policy", "no-referrer"},
                        {"cross-origin-opener-policy", "same-origin"}}};
}

PageFile make_file(std::string_view name, std::string_view content) {
    const std::string hash = sha256_hex(content).substr(0, kTagDigits);
    PageFile file{.path = name == "app.html" ? "/" : fmt::format("/{}", name),
                  .plain_tag = "\"" + hash + "\"",
                  .packed_tag = "\"" + hash + "-gzip\""};
    file.plain = with_tag(std::string(content), name, file.plain_tag);
    file.packed = with_tag(gzip(content, kSmallest), name, file.packed_tag);
    file.packed.headers.emplace_back("content-encoding", "gzip");
    return file;
}

/// "gzip;q=0" is the only way to refuse it that anybody uses.
bool takes_gzip(const HttpRequest& request) {
    const auto accepted = request.headers.find("accept-encoding");
    if (accepted == request.headers.end()) return false;
    for (const std::string_view entry : split(accepted->second, ',')) {
        const std::string_view coding = trim(entry.substr(0, entry.find(';')));
        if (lower_ascii(coding) != "gzip") continue;
        const std::string quality = replace_all(entry.substr(std::min(entry.find(';'), entry.size())), " ", "");
        return quality != ";q=0" && quality != ";q=0.0";
    }
    return false;
}

bool has_file(const HttpRequest& request, const PageFile& file) {
    const auto known = request.headers.find("if-none-match");
    if (known == request.headers.end()) return false;
    for (const std::string_view entry : split(known->second, ',')) {
        std::string_view tag = trim(entry);
        if (tag.starts_with("W/")) tag.remove_prefix(2);
        if (tag == "*" || tag == file.plain_tag || tag == file.packed_tag) return true;
    }
    return false;
}

void send_file(const PageFile& file, const HttpRequest& request, Exchange& exchange) {
    HttpResponse response = takes_gzip(request) ? file.packed : file.plain;
    if (has_file(request, file)) {
        response.status = 304;
        response.body.clear();
    }
    exchange.reply(std::move(response));
}

std::vector<PageFile> make_files() {
    std::vector<PageFile> files;
    for (const EmbeddedFile& embedded : page_files()) files.push_back(make_file(embedded.name, embedded.content));
    return files;
}

}  // namespace

std::vector<Route> page_routes() {
    static const std::vector<PageFile> files = make_files();
    std::vector<Route> routes;
    for (const PageFile& file : files) {
        routes.push_back(
            {.method = "GET",
             .path = file.path,
             .handler = [&file](HttpRequest&& request,
                                std::shared_ptr<Exchange> exchange) { send_file(file, request, *exchange); },
             .is_open = true,
             .is_quick = true});
    }
    return routes;
}

}  // namespace urial::serve
