#pragma once

// The HTML frame that every page shares: the content policy, our embedded styles and scripts, the data. Nothing of a
// run is written as markup: the header is JSON without '<', '>' and '&', everything else is base64. Internal to this
// part.

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace urial::report {

/// What a script of the page reads: an element that holds base64(gzip(bytes)).
struct DataBlock {
    std::string id;
    std::string bytes;
};

struct PageFrame {
    std::vector<std::string_view> styles;   ///< names of embedded files, in their order
    std::vector<std::string_view> scripts;  ///< likewise
    nlohmann::ordered_json header;          ///< what the page reads first
    std::vector<DataBlock> blocks;
    std::vector<DataBlock> late_blocks;  ///< behind the scripts: the page is shown before they are read
};
std::string page_html(const PageFrame& frame);

}  // namespace urial::report
