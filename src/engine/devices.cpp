#include "engine/devices.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <numeric>

#include <fmt/format.h>
#include <ggml-backend.h>

#include "base/error.h"
#include "base/text.h"
#include "engine/backend.h"

namespace urial::engine {
namespace {

bool is_gpu(ggml_backend_dev_t device) {
    const enum ggml_backend_dev_type type = ggml_backend_dev_type(device);
    return type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU;
}

/// The version of NVIDIA's kernel module: "580.159.04".
std::string cuda_driver() {
    std::string version;
    std::ifstream file("/sys/module/nvidia/version");
    std::getline(file, version);
    return version;
}

/// Of a device's free memory a part stays free: the driver and the matrix library take some, when they please.
std::uint64_t usable(const Device& device) { return device.free_bytes / 100 * 95; }

std::uint64_t usable(const std::vector<Device>& devices) {
    return std::accumulate(devices.begin(), devices.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const Device& device) { return sum + usable(device); });
}

/// The most layers, counted from the output downwards, for which the devices have room.
int layers_that_fit(const LayerBytes& model, const std::vector<Device>& devices) {
    const std::uint64_t room = usable(devices);
    const std::uint64_t cache = model.layers.empty() ? 0 : model.cache / model.layers.size();
    std::uint64_t taken = model.output + model.fixed * devices.size();
    if (taken > room) return 0;
    int count = 1;
    for (auto layer = model.layers.rbegin(); layer != model.layers.rend(); ++layer, ++count) {
        taken += *layer + cache;
        if (taken > room) break;
    }
    return count;
}

/// Those that "auto" means, best first.
std::vector<Device> automatic_choice(const std::vector<Device>& present) {
    const bool has_own_memory = std::ranges::any_of(present, [](const Device& each) { return !each.shares_memory; });
    std::vector<Device> chosen;
    for (const Device& device : present) {
        const bool is_known = std::ranges::any_of(
            chosen, [&](const Device& other) { return !device.id.empty() && other.id == device.id; });
        if (!is_known && !(has_own_memory && device.shares_memory)) chosen.push_back(device);
    }
    std::ranges::stable_sort(chosen, std::greater(), &Device::free_bytes);
    return chosen;
}

}  // namespace

std::vector<Device> devices() {
    start_backend();
    std::vector<Device> found;
    for (std::size_t i = 0; i < ggml_backend_dev_count(); ++i) {
        ggml_backend_dev_t device = ggml_backend_dev_get(i);
        if (!is_gpu(device)) continue;
        ggml_backend_dev_props properties{};
        ggml_backend_dev_get_props(device, &properties);
        if (properties.memory_total == 0) continue;
        Device& entry = found.emplace_back();
        entry.name = ggml_backend_dev_name(device);
        entry.description = ggml_backend_dev_description(device);
        entry.library = ggml_backend_reg_name(ggml_backend_dev_backend_reg(device));
        if (entry.library == kCudaLibrary) entry.driver = cuda_driver();
        if (properties.device_id != nullptr) entry.id = properties.device_id;
        entry.shares_memory = properties.type == GGML_BACKEND_DEVICE_TYPE_IGPU;
        entry.total_bytes = properties.memory_total;
        entry.free_bytes = properties.memory_free;
    }
    return found;
}

std::string describe(const Device& device) { return fmt::format("{} ({})", device.name, device.description); }

std::string describe(const std::vector<Device>& devices) {
    std::string text;
    for (const Device& device : devices) text += (text.empty() ? "" : " and ") + describe(device);
    return text;
}

std::vector<Device> choose_devices(std::string_view choice, int gpu_layers, const std::vector<Device>& present) {
    const bool wants_none = choice == kCpuAlone || gpu_layers == 0;
    const bool automatic = choice == kAnyDevice;
    if (choice == kCpuAlone && gpu_layers > 0) {
        throw error(ErrorKind::BadInput, "--device cpu and --gpu-layers {} contradict each other; leave one out",
                    gpu_layers);
    }
    if (wants_none || (automatic && gpu_layers < 0 && present.empty())) return {};
    if (present.empty()) {
        const std::string asked =
            automatic ? fmt::format("--gpu-layers {}", gpu_layers) : fmt::format("--device {}", printable(choice));
        throw error(ErrorKind::BadInput, "{}: {}", asked,
                    build_has_gpu() ? "no GPU was found on this machine; is its driver installed?" : kNoGpuBuild);
    }
    if (automatic) return automatic_choice(present);
    std::vector<Device> chosen;
    for (const std::string_view part : split(choice, ',')) {
        const std::string name = lower_ascii(trim(part));
        const auto is_named = [&](const Device& device) { return lower_ascii(device.name) == name; };
        const auto found = std::ranges::find_if(present, is_named);
        if (found == present.end()) {
            std::string known;
            for (const Device& device : present) known += describe(device) + ", ";
            throw error(ErrorKind::BadInput, "--device {}: there is no such device; there are {}auto and cpu",
                        printable(part), known);
        }
        if (std::ranges::any_of(chosen, is_named))
            throw error(ErrorKind::BadInput, "--device {}: {} stands there twice", printable(choice), found->name);
        chosen.push_back(*found);
    }
    return chosen;
}

std::uint64_t LayerBytes::total() const {
    return std::accumulate(layers.begin(), layers.end(), output + cache + fixed);
}

Placement place_layers(const LayerBytes& model, std::vector<Device> chosen, int gpu_layers, bool automatic) {
    Placement placement;
    placement.of = static_cast<int>(model.layers.size()) + 1;
    if (chosen.empty() || gpu_layers == 0) return placement;
    const int wanted = gpu_layers < 0 ? placement.of : std::min(gpu_layers, placement.of);
    if (automatic && layers_that_fit(model, {chosen.front()}) >= wanted) chosen.resize(1);
    const int fitting = layers_that_fit(model, chosen);
    if (gpu_layers > 0 && wanted > fitting) {
        const std::uint64_t free =
            std::accumulate(chosen.begin(), chosen.end(), std::uint64_t{0},
                            [](std::uint64_t sum, const Device& device) { return sum + device.free_bytes; });
        throw error(
            ErrorKind::BadInput,
            "--gpu-layers {}: all {} layers with their sessions take about {}; {} of them fit on {}, with {} free",
            gpu_layers, placement.of, human_bytes(static_cast<double>(model.total())), fitting, describe(chosen),
            human_bytes(static_cast<double>(free)));
    }
    placement.layers = std::min(wanted, fitting);
    if (placement.layers > 0) placement.devices = std::move(chosen);
    return placement;
}

}  // namespace urial::engine
