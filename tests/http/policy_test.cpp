#include "http/http.h"

#include <chrono>
#include <ctime>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace urial::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Address, this_machine_is_known_by_the_names_that_cannot_mean_another) {
    for (const char* url : {"http://localhost/v1", "http://LOCALHOST:8000", "https://127.0.0.1:1/v1",
                            "http://127.1.2.3", "http://[::1]:80/v1", "http://judge.localhost/v1"}) {
        EXPECT_TRUE(is_loopback(url)) << url;
    }
    for (const char* url : {"http://127.example.org", "http://localhost.example.org", "http://128.0.0.1",
                            "http://[::2]", "http://example.org/127.0.0.1", "http://10.0.0.1", "no address"}) {
        EXPECT_FALSE(is_loopback(url)) << url;
    }
}

TEST(Address, what_may_hold_a_secret_is_told_from_a_plain_address) {
    EXPECT_EQ(form_of_address("https://host:8000/v1"), AddressForm::Plain);
    EXPECT_EQ(form_of_address("https://me@host/v1"), AddressForm::MayHoldSecret);
    EXPECT_EQ(form_of_address("https://:secret@host/v1"), AddressForm::MayHoldSecret);
    EXPECT_EQ(form_of_address("https://host/v1?key=secret"), AddressForm::MayHoldSecret);
    EXPECT_EQ(form_of_address("https://host/v1#secret"), AddressForm::MayHoldSecret);
    EXPECT_EQ(form_of_address("no address"), AddressForm::NoAddress);
}

TEST(Address, a_path_keeps_its_slashes_and_what_is_no_plain_byte_is_escaped) {
    EXPECT_EQ(url_path("a-b/c_d.gguf~"), "a-b/c_d.gguf~");
    EXPECT_EQ(url_path("a b?#%\xC3\xA4"), "a%20b%3F%23%25%C3%A4");
}

TEST(Retry, the_bound_doubles_up_to_the_longest_wait_and_the_wait_is_anywhere_below) {
    RetryOptions options;
    options.first_wait = milliseconds(100);
    options.longest_wait = milliseconds(1'000);
    EXPECT_EQ(wait_before_retry(options, 1, std::nullopt, 0), milliseconds(0));
    EXPECT_EQ(wait_before_retry(options, 1, std::nullopt, 0.5), milliseconds(50));
    EXPECT_EQ(wait_before_retry(options, 3, std::nullopt, 0.5), milliseconds(200));
    EXPECT_EQ(wait_before_retry(options, 20, std::nullopt, 0.5), milliseconds(500));
}

TEST(Retry, the_servers_wish_is_never_undercut_and_zero_means_at_once) {
    const RetryOptions options;
    EXPECT_EQ(wait_before_retry(options, 1, seconds(7), 0), seconds(7));
    EXPECT_GT(wait_before_retry(options, 1, seconds(7), 0.9), seconds(7));
    EXPECT_LE(wait_before_retry(options, 9, seconds(7), 0.99), seconds(14));
    EXPECT_EQ(wait_before_retry(options, 5, seconds(0), 0.99), seconds(0));
}

TEST(Retry, retry_after_is_a_number_of_seconds_or_a_date) {
    EXPECT_EQ(parse_retry_after("0"), std::chrono::seconds(0));
    EXPECT_EQ(parse_retry_after("12"), std::chrono::seconds(12));
    EXPECT_FALSE(parse_retry_after(""));
    EXPECT_FALSE(parse_retry_after("soon"));
    EXPECT_EQ(parse_retry_after("Thu, 01 Jan 1998 00:00:00 GMT"), std::chrono::seconds(0));
    char date[64];
    const std::time_t later = std::time(nullptr) + 100;
    std::tm utc{};
    std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&later, &utc));
    const auto wait = parse_retry_after(date);
    ASSERT_TRUE(wait);
    EXPECT_NEAR(static_cast<double>(wait->count()), 100, 5);
}

TEST(Redaction, a_word_that_everybody_uses_as_a_key_is_not_replaced) {
    EXPECT_EQ(redact("EMPTY as it is", "EMPTY"), "EMPTY as it is");
    EXPECT_EQ(redact("12345678 and 12345678", "12345678"), "[key] and [key]");
}

TEST(Redaction, a_key_that_is_said_back_a_million_times_is_replaced_in_one_pass) {
    const std::string key = "sk-0123456789";
    const auto a_million_times = [](std::string_view text) {
        std::string all;
        for (int i = 0; i < 1'000'000; ++i) all += text;
        return all;
    };
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(redact(a_million_times(key), key), a_million_times("[key]"));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

}  // namespace
}  // namespace urial::http
