#pragma once

// Clients that go in the middle, and those that send what is no request. Reproducible from the random numbers' seed.

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "serve/sample_requests.h"

namespace urial::test {

/// Uniform in [0, end).
std::size_t below(std::size_t end, std::mt19937& random);

/// Sends one of the requests, or a part of it, and goes: in the header, in the body, before the answer, in it.
void come_and_go(std::uint16_t port, const std::string& source, const std::vector<SampleRequest>& requests,
                 std::mt19937& random);

/// One of `seeds`, whole or broken in one of many ways: cut, doubled, with bytes or `pieces` put in, taken out or
/// changed.
std::string broken(const std::vector<std::string>& seeds, const std::vector<std::string>& pieces, std::mt19937& random);
/// What confuses readers of HTTP, and readers of JSON.
const std::vector<std::string>& http_pieces();
const std::vector<std::string>& json_pieces();

/// Sends bytes in two halves, closes its side or goes now and then, and reads to the end: expects that the server
/// closes in time, answers in HTTP or not at all, and with no status of 500 and more.
void expect_survival(std::uint16_t port, const std::string& source, const std::string& bytes, std::mt19937& random);

}  // namespace urial::test
