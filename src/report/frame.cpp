#include "report/frame.h"

#include <stdexcept>

#include <fmt/format.h>

#include "base/gzip.h"
#include "base/parallel.h"
#include "report/packed.h"
#include "report_files.h"

namespace urial::report {
namespace {

std::string_view asset(std::string_view name) {
    for (const EmbeddedFile& file : report_files()) {
        if (file.name == name) return file.content;
    }
    throw std::logic_error(fmt::format("{} is not embedded", name));
}

/// " 'sha256-...'" for each of the inline elements.
std::string allowed(const std::vector<std::string_view>& names) {
    std::string hashes;
    for (const std::string_view name : names) hashes += fmt::format(" '{}'", policy_hash(asset(name)));
    return hashes;
}

std::string json_element(std::string_view id, const nlohmann::ordered_json& value) {
    return fmt::format("<script type=\"application/json\" id=\"{}\">{}</script>\n", id, script_safe_json(value));
}

/// Of blocks beyond this size the packing would take longer than all else, for a tenth of the bytes.
constexpr std::size_t kLargeBlock = 4u << 20;

std::string packed_elements(const std::vector<DataBlock>& blocks) {
    std::vector<std::string> elements(blocks.size());
    for_each_parallel(blocks.size(), 0, [&](std::size_t i) {
        elements[i] = fmt::format("<script type=\"text/plain\" id=\"{}\">{}</script>\n", blocks[i].id,
                                  base64(gzip(blocks[i].bytes, blocks[i].bytes.size() > kLargeBlock ? 1 : 6)));
    });
    std::string html;
    for (const std::string& element : elements) html += element;
    return html;
}

}  // namespace

std::string page_html(const PageFrame& frame) {
    std::string html = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
    html += fmt::format(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src{}; style-src{}; img-src "
        "data:; base-uri 'none'; form-action 'none'\">\n",
        allowed(frame.scripts), allowed(frame.styles));
    html +=
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" "
        "content=\"no-referrer\">\n<link rel=\"icon\" href=\"data:,\">\n<title>urial report</title>\n";
    for (const std::string_view style : frame.styles) html += fmt::format("<style>{}</style>\n", asset(style));
    html +=
        "</head>\n<body>\n<div id=\"app\"><noscript>This report needs JavaScript; it loads nothing from "
        "anywhere.</noscript></div>\n";
    html += json_element("report-header", frame.header);
    html += packed_elements(frame.blocks);
    for (const std::string_view script : frame.scripts) html += fmt::format("<script>{}</script>\n", asset(script));
    html += packed_elements(frame.late_blocks);
    return html + "</body>\n</html>\n";
}

}  // namespace urial::report
