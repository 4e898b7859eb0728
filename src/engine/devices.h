#pragma once

// The GPUs that this build of the engine can use, and where the layers of a model go. A build knows those of the ggml
// backends that it was configured with (docs/models.md, "On a GPU"); the plain one knows none.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace urial::engine {

struct Device {
    std::string name;            ///< the engine's: "CUDA0"
    std::string description;     ///< "NVIDIA H100 80GB HBM3"
    std::string library;         ///< the backend that drives it: "CUDA"
    std::string driver;          ///< its version; empty where the system does not say
    std::string id;              ///< of the card, whichever backend drives it; empty where that does not say
    bool shares_memory = false;  ///< with the CPU
    std::uint64_t total_bytes = 0;
    std::uint64_t free_bytes = 0;  ///< when it was asked
};

/// Device::library of NVIDIA's.
inline constexpr std::string_view kCudaLibrary = "CUDA";

/// What this process can use. Those that report no memory are left out.
std::vector<Device> devices();

/// What a build without any GPU says to somebody who wants one.
inline constexpr std::string_view kNoGpuBuild =
    "this build of urial has no GPU backend; make build CMAKE_ARGS=-DGGML_CUDA=ON (or -DGGML_VULKAN=ON, "
    "-DGGML_METAL=ON) makes one that has";

/// "CUDA0 (NVIDIA H100 80GB HBM3)"
std::string describe(const Device& device);
/// The same of several, with "and" between them.
std::string describe(const std::vector<Device>& devices);

/// What a setting may say in the place of names.
inline constexpr std::string_view kAnyDevice = "auto";
inline constexpr std::string_view kCpuAlone = "cpu";

/// The devices that a setting means, best first. `choice`: "auto" (the one with the most free memory first, then the
/// others), "cpu" (none) or names, separated by commas. `gpu_layers` -1: as many as fit; 0: none. Throws
/// Error{BadInput} for names that are not present, and where layers or names are asked for and there is no device.
/// Automatically no card is taken twice, and none that shares its memory with the CPU if there are others.
std::vector<Device> choose_devices(std::string_view choice, int gpu_layers, const std::vector<Device>& present);

/// Bytes of the parts of a model, as they take memory where they lie.
struct LayerBytes {
    std::vector<std::uint64_t> layers;
    std::uint64_t output = 0;  ///< the product with the vocabulary; it goes to a device first, as one more layer
    std::uint64_t cache = 0;   ///< what caches of sessions are likely to take beside all layers
    std::uint64_t fixed = 0;   ///< and what a device needs for any of them
    std::uint64_t total() const;
};

/// Where a model's layers are.
struct Placement {
    std::vector<Device> devices;  ///< empty: the CPU alone
    int layers = 0;               ///< on them, the output among these; the others are the CPU's
    int of = 0;                   ///< the layers of the model and its output
    bool whole() const { return layers > 0 && layers == of; }
};

/// How many layers go to which of the chosen devices. One device is enough where everything fits there; else all of
/// them take what they can, and the CPU the rest. `automatic`: the choice was "auto". Throws Error{BadInput} where
/// `gpu_layers` are more than fit.
Placement place_layers(const LayerBytes& model, std::vector<Device> chosen, int gpu_layers, bool automatic);

}  // namespace urial::engine
