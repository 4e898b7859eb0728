#include "support/paths.h"

namespace urial::test {

std::filesystem::path source_path(std::string_view below) { return std::filesystem::path(URIAL_SOURCE_DIR) / below; }
std::filesystem::path binary_path() { return URIAL_BINARY; }

}  // namespace urial::test
