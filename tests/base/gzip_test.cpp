#include "base/gzip.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/unpacked_file.h"
#include "support/expect_error.h"
#include "support/sandbox.h"

namespace urial::test {
namespace {

TEST(Gzip, what_is_packed_comes_back_and_others_can_read_it) {
    std::string text;
    for (int i = 0; i < 30'000; ++i) text += static_cast<char>(i * i % 251);
    for (const std::string& each : {std::string(), std::string("x"), text, std::string(1 << 20, 'a')}) {
        for (const int level : {1, 6, 9}) EXPECT_EQ(gunzip(gzip(each, level), each.size()), each);
    }
    EXPECT_LT(gzip(std::string(1 << 20, 'a')).size(), 5000U);
    const TemporaryFolder folder;
    write_file_atomic(folder / "x.gz", gzip(text));
    UnpackedFile file(folder / "x.gz", 1u << 20);
    EXPECT_EQ(file.next(), text);
}

TEST(Gzip, what_is_cut_off_damaged_or_too_large_is_an_error) {
    const std::string packed = gzip("some text that is long enough to be packed, some text that is long enough");
    for (std::size_t size = 0; size < packed.size(); ++size) {
        EXPECT_ERROR((void)gunzip(packed.substr(0, size), 1000), ErrorKind::BadInput, "damaged or cut off");
    }
    EXPECT_ERROR((void)gunzip("no gzip at all", 1000), ErrorKind::BadInput, "damaged");
    EXPECT_ERROR((void)gunzip(gzip(std::string(1 << 20, 'a')), 100'000), ErrorKind::BadInput, "more than 100000 bytes");
}

}  // namespace
}  // namespace urial::test
