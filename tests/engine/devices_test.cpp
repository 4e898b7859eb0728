#include <gtest/gtest.h>

#include "engine/devices.h"
#include "support/expect_error.h"

namespace urial::engine {
namespace {

constexpr std::uint64_t kGigabyte = 1'000'000'000;

Device gpu(const std::string& name, std::uint64_t free) {
    return {.name = name, .description = "a GPU", .library = "CUDA", .total_bytes = 80 * kGigabyte, .free_bytes = free};
}

std::vector<std::string> names(const std::vector<Device>& devices) {
    std::vector<std::string> all;
    for (const Device& device : devices) all.push_back(device.name);
    return all;
}

/// Ten layers of a gigabyte and an output of two, with one for caches and one for what any layer needs.
LayerBytes model() { return {std::vector<std::uint64_t>(10, kGigabyte), 2 * kGigabyte, kGigabyte, kGigabyte}; }

using Names = std::vector<std::string>;

TEST(ChooseDevices, auto_takes_the_one_with_the_most_free_memory_first_and_none_where_there_is_none) {
    const std::vector<Device> two{gpu("CUDA0", 10 * kGigabyte), gpu("CUDA1", 20 * kGigabyte)};
    EXPECT_EQ(names(choose_devices("auto", -1, two)), (Names{"CUDA1", "CUDA0"}));
    EXPECT_EQ(names(choose_devices("auto", 3, two)), (Names{"CUDA1", "CUDA0"}));
    EXPECT_TRUE(choose_devices("auto", -1, {}).empty());
    EXPECT_TRUE(choose_devices("auto", 0, {}).empty());
}

TEST(ChooseDevices, auto_takes_no_card_twice_and_none_without_memory_of_its_own_beside_others) {
    Device again = gpu("Vulkan0", 15 * kGigabyte);
    again.id = "0000:01:00.0";
    Device first = gpu("CUDA0", 10 * kGigabyte);
    first.id = again.id;
    Device shared = gpu("Vulkan1", 50 * kGigabyte);
    shared.shares_memory = true;
    EXPECT_EQ(names(choose_devices("auto", -1, {first, again, shared})), (Names{"CUDA0"}));
    EXPECT_EQ(names(choose_devices("auto", -1, {shared})), (Names{"Vulkan1"}));
    EXPECT_EQ(names(choose_devices("Vulkan1", -1, {first, again, shared})), (Names{"Vulkan1"}));
}

TEST(ChooseDevices, cpu_and_no_layers_take_none) {
    const std::vector<Device> one{gpu("CUDA0", kGigabyte)};
    EXPECT_TRUE(choose_devices("cpu", -1, one).empty());
    EXPECT_TRUE(choose_devices("auto", 0, one).empty());
    EXPECT_TRUE(choose_devices("CUDA0", 0, one).empty());
}

TEST(ChooseDevices, names_are_taken_in_their_order_whatever_their_case) {
    const std::vector<Device> two{gpu("CUDA0", 10 * kGigabyte), gpu("CUDA1", 20 * kGigabyte)};
    EXPECT_EQ(names(choose_devices("cuda0, CUDA1", -1, two)), (Names{"CUDA0", "CUDA1"}));
    EXPECT_EQ(names(choose_devices("CUDA1", -1, two)), (Names{"CUDA1"}));
}

TEST(ChooseDevices, what_cannot_be_is_refused_with_what_there_is) {
    const std::vector<Device> one{gpu("CUDA0", kGigabyte)};
    EXPECT_ERROR(choose_devices("CUDA7", -1, one), ErrorKind::BadInput,
                 "--device CUDA7: there is no such device; there are CUDA0 (a GPU), auto and cpu");
    EXPECT_ERROR(choose_devices("CUDA0,cuda0", -1, one), ErrorKind::BadInput, "CUDA0 stands there twice");
    EXPECT_ERROR(choose_devices("", -1, one), ErrorKind::BadInput, "no such device");
    EXPECT_ERROR(choose_devices("cpu", 3, one), ErrorKind::BadInput, "contradict each other");
    EXPECT_ERROR(choose_devices("CUDA0", -1, {}), ErrorKind::BadInput, "--device CUDA0: ");
    EXPECT_ERROR(choose_devices("auto", 5, {}), ErrorKind::BadInput, "--gpu-layers 5: ");
}

TEST(PlaceLayers, one_device_is_enough_where_all_fits) {
    const Placement placed =
        place_layers(model(), {gpu("CUDA1", 20 * kGigabyte), gpu("CUDA0", 10 * kGigabyte)}, -1, true);
    EXPECT_EQ(names(placed.devices), (Names{"CUDA1"}));
    EXPECT_EQ(placed.layers, 11);
    EXPECT_EQ(placed.of, 11);
    EXPECT_TRUE(placed.whole());
}

TEST(PlaceLayers, several_share_what_does_not_fit_on_one) {
    // 95 % of 17 GB: 14 of the model with its caches, and one more on each.
    const Placement placed =
        place_layers(model(), {gpu("CUDA1", 9 * kGigabyte), gpu("CUDA0", 8 * kGigabyte)}, -1, true);
    EXPECT_EQ(names(placed.devices), (Names{"CUDA1", "CUDA0"}));
    EXPECT_TRUE(placed.whole());
}

TEST(PlaceLayers, named_devices_are_all_used) {
    const Placement placed =
        place_layers(model(), {gpu("CUDA0", 50 * kGigabyte), gpu("CUDA1", 50 * kGigabyte)}, -1, false);
    EXPECT_EQ(names(placed.devices), (Names{"CUDA0", "CUDA1"}));
}

TEST(PlaceLayers, what_does_not_fit_stays_on_the_cpu) {
    // 95 % of 8 GB hold the output (2), what is fixed (1) and four layers with their part of the caches (1.1 each).
    const Placement placed = place_layers(model(), {gpu("CUDA0", 8 * kGigabyte)}, -1, true);
    EXPECT_EQ(placed.layers, 1 + 4);
    EXPECT_FALSE(placed.whole());
    const Placement nothing = place_layers(model(), {gpu("CUDA0", 2 * kGigabyte)}, -1, true);
    EXPECT_EQ(nothing.layers, 0) << "the output takes all of them";
    EXPECT_TRUE(nothing.devices.empty());
}

TEST(PlaceLayers, a_number_of_layers_is_taken_or_refused_with_the_number_that_fits) {
    EXPECT_EQ(place_layers(model(), {gpu("CUDA0", 8 * kGigabyte)}, 3, true).layers, 3);
    EXPECT_EQ(place_layers(model(), {gpu("CUDA0", 40 * kGigabyte)}, 999, true).layers, 11);
    EXPECT_ERROR(
        place_layers(model(), {gpu("CUDA0", 8 * kGigabyte)}, 9, true), ErrorKind::BadInput,
        "--gpu-layers 9: all 11 layers with their sessions take about 14.0 GB; 5 of them fit on CUDA0 (a GPU), "
        "with 8.0 GB free");
}

TEST(PlaceLayers, without_devices_all_is_the_cpus) {
    const Placement placed = place_layers(model(), {}, -1, true);
    EXPECT_EQ(placed.layers, 0);
    EXPECT_EQ(placed.of, 11);
}

}  // namespace
}  // namespace urial::engine
