#include "cli/selected_input.h"

#include "base/hash.h"

namespace urial::cli {

generate::Shard shard_of(const std::string& flag) {
    return flag.empty() ? generate::Shard{} : generate::parse_shard(flag);
}

nlohmann::ordered_json origin_of_input(const std::string& name, const std::filesystem::path& file, std::size_t limit,
                                       const std::string& shard_flag) {
    return {{"input", name},
            {"input_sha256", sha256_file(file)},
            {"limit", limit},
            {"shard", shard_flag.empty() ? "1/1" : shard_flag}};
}

}  // namespace urial::cli
