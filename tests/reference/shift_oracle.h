#pragma once

// The statistics of one position by their definitions, in long double, one obvious loop each. The slow and trusted
// counterpart of src/shift/kernel.h.

#include <cstddef>
#include <vector>

namespace urial::reference {

struct OracleSide {
    std::size_t rank = 0;
    long double logp = 0;
    long double entropy = 0;
    std::vector<std::size_t> order;  ///< all tokens of probability above 0, the most likely first, ties by id
    std::vector<long double> all_logp;
};

struct OracleStats {
    OracleSide aligned, base;
    long double kl_ab = 0, kl_ba = 0, js = 0, tv = 0;
};

/// Logits are finite or -inf, one at least is finite in each row.
OracleStats shift_oracle(const std::vector<float>& aligned, const std::vector<float>& base, std::size_t token);

}  // namespace urial::reference
