#include "support/test_devices.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <string>

#include <ggml-backend-impl.h>
#include <ggml-backend.h>
#include <ggml-cpu.h>

namespace urial::test {
namespace {

constexpr std::size_t kMostDevices = 4;

struct TestDevice {
    std::string name;
    std::atomic<std::uint64_t> total = 0;
    std::atomic<std::uint64_t> allocated = 0;
    std::atomic<std::uint64_t> computed = 0;
    ggml_backend_buffer_type buffers{};
    ggml_backend_device device{};
};

TestDevice& of(ggml_backend_dev_t device) { return *static_cast<TestDevice*>(device->context); }
TestDevice& of(ggml_backend_buffer_type_t type) { return *static_cast<TestDevice*>(type->context); }

void (*free_on_cpu)(ggml_backend_buffer_t) = nullptr;

/// Memory of the CPU that says it is not.
ggml_backend_buffer_t allocate(ggml_backend_buffer_type_t type, std::size_t size) {
    ggml_backend_buffer_t buffer = ggml_backend_buft_alloc_buffer(ggml_backend_cpu_buffer_type(), size);
    if (buffer == nullptr) return nullptr;
    free_on_cpu = buffer->iface.free_buffer;
    buffer->iface.free_buffer = [](ggml_backend_buffer_t freed) {
        of(freed->buft).allocated -= freed->size;
        free_on_cpu(freed);
    };
    buffer->buft = type;
    of(type).allocated += buffer->size;
    return buffer;
}

ggml_backend_buffer_type make_buffers(TestDevice& device) {
    ggml_backend_buffer_type type{};
    type.iface.get_name = [](ggml_backend_buffer_type_t made) { return of(made).name.c_str(); };
    type.iface.alloc_buffer = allocate;
    type.iface.get_alignment = [](ggml_backend_buffer_type_t) {
        return ggml_backend_buft_get_alignment(ggml_backend_cpu_buffer_type());
    };
    type.device = &device.device;
    type.context = &device;
    return type;
}

ggml_backend_t inner(ggml_backend_t backend) { return static_cast<ggml_backend_t>(backend->context); }

ggml_backend_t make_backend(ggml_backend_dev_t device, const char*) {
    static ggml_guid guid{'u', 'r', 'i', 'a', 'l', ' ', 't', 'e', 's', 't'};
    ggml_backend_t cpu = ggml_backend_cpu_init();
    ggml_backend_cpu_set_n_threads(cpu, 1);
    auto* backend = new ggml_backend{};
    backend->guid = &guid;
    backend->device = device;
    backend->context = cpu;
    backend->iface.get_name = [](ggml_backend_t made) { return of(made->device).name.c_str(); };
    backend->iface.free = [](ggml_backend_t made) {
        ggml_backend_free(inner(made));
        delete made;
    };
    backend->iface.graph_compute = [](ggml_backend_t made, ggml_cgraph* graph) {
        of(made->device).computed += static_cast<std::uint64_t>(ggml_graph_n_nodes(graph));
        return ggml_backend_graph_compute(inner(made), graph);
    };
    return backend;
}

ggml_backend_reg& registry() {
    static ggml_backend_reg made = [] {
        ggml_backend_reg reg{};
        reg.api_version = GGML_BACKEND_API_VERSION;
        reg.iface.get_name = [](ggml_backend_reg_t) { return "TEST"; };
        reg.iface.get_device_count = [](ggml_backend_reg_t) { return std::size_t{0}; };
        reg.iface.get_proc_address = [](ggml_backend_reg_t, const char*) -> void* { return nullptr; };
        return reg;
    }();
    return made;
}

void describe_memory(ggml_backend_dev_t device, std::size_t* free, std::size_t* total) {
    *total = of(device).total;
    *free = *total - std::min<std::size_t>(*total, of(device).allocated);
}

void fill(TestDevice& device) {
    device.device.reg = &registry();
    device.device.context = &device;
    ggml_backend_device_i& functions = device.device.iface;
    functions.get_name = [](ggml_backend_dev_t made) { return of(made).name.c_str(); };
    functions.get_description = [](ggml_backend_dev_t) { return "a device for tests"; };
    functions.get_memory = describe_memory;
    functions.get_type = [](ggml_backend_dev_t) { return GGML_BACKEND_DEVICE_TYPE_GPU; };
    functions.get_props = [](ggml_backend_dev_t made, ggml_backend_dev_props* props) {
        *props = {};
        props->name = of(made).name.c_str();
        props->description = "a device for tests";
        props->type = GGML_BACKEND_DEVICE_TYPE_GPU;
        describe_memory(made, &props->memory_free, &props->memory_total);
    };
    functions.init_backend = make_backend;
    functions.get_buffer_type = [](ggml_backend_dev_t made) { return &of(made).buffers; };
    functions.supports_op = [](ggml_backend_dev_t, const ggml_tensor*) { return true; };
    functions.supports_buft = [](ggml_backend_dev_t made, ggml_backend_buffer_type_t type) {
        return type == &of(made).buffers;
    };
    device.buffers = make_buffers(device);
}

/// Known to ggml from the first use on, to the end of the process.
std::array<TestDevice, kMostDevices>& test_devices() {
    static std::array<TestDevice, kMostDevices> made;
    static const bool registered = [] {
        for (std::size_t i = 0; i < made.size(); ++i) {
            made[i].name = "TEST" + std::to_string(i);
            fill(made[i]);
            ggml_backend_device_register(&made[i].device);
        }
        return true;
    }();
    (void)registered;
    return made;
}

}  // namespace

TestDevices::TestDevices(const std::vector<std::uint64_t>& free_bytes) {
    for (std::size_t i = 0; i < free_bytes.size(); ++i) {
        TestDevice& device = test_devices().at(i);
        device.allocated = device.computed = 0;
        device.total = free_bytes[i];
    }
}

TestDevices::~TestDevices() {
    for (TestDevice& device : test_devices()) device.total = 0;
}

std::uint64_t TestDevices::computed(int device) const {
    return test_devices().at(static_cast<std::size_t>(device)).computed;
}
std::uint64_t TestDevices::allocated(int device) const {
    return test_devices().at(static_cast<std::size_t>(device)).allocated;
}

}  // namespace urial::test
