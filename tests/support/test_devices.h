#pragma once

// Devices that the engine takes for GPUs: they compute as the CPU does, but in memory of their own, of which the engine
// must copy everything to and fro. With them tests see where layers, caches and logits go on a machine without a GPU.

#include <cstdint>
#include <vector>

namespace urial::test {

/// While it lives there are devices "TEST0", "TEST1", ... with so much memory each (bytes; at most four); before and
/// afterwards engine::devices() does not see them. One at a time.
class TestDevices {
public:
    explicit TestDevices(const std::vector<std::uint64_t>& free_bytes);
    ~TestDevices();
    TestDevices(const TestDevices&) = delete;
    TestDevices& operator=(const TestDevices&) = delete;

    /// Nodes of graphs that a device has computed.
    std::uint64_t computed(int device) const;
    /// Bytes that buffers take there.
    std::uint64_t allocated(int device) const;
};

}  // namespace urial::test
