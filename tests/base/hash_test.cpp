#include "base/hash.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "support/expect_error.h"
#include "support/sandbox.h"

namespace urial {
namespace {

// The vectors of FIPS 180-2, appendix B.
TEST(Sha256, gives_the_published_digests) {
    EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, a_file_hashes_as_its_bytes_in_any_number_of_blocks) {
    const test::TemporaryFolder folder;
    const std::string bytes(2'500'000, 'a');
    write_file_atomic(folder / "big", bytes);
    EXPECT_EQ(sha256_file(folder / "big"), sha256_hex(bytes));
    EXPECT_ERROR(sha256_file(folder / "none"), ErrorKind::NotFound, "no such file");
}

TEST(Sha256, an_object_starts_anew_after_it_has_finished) {
    Sha256 hash;
    hash.update("something");
    hash.finish_hex();
    hash.update("abc");
    EXPECT_EQ(hash.finish_hex(), sha256_hex("abc"));
}

}  // namespace
}  // namespace urial
