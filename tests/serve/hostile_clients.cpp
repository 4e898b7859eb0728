#include "serve/hostile_clients.h"

#include <chrono>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

namespace urial::test {

std::size_t below(std::size_t end, std::mt19937& random) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random);
}

void come_and_go(std::uint16_t port, const std::string& source, const std::vector<SampleRequest>& requests,
                 std::mt19937& random) {
    const SampleRequest& request = requests[below(requests.size(), random)];
    const std::string bytes = request.bytes(port);
    const std::size_t body = bytes.find("\r\n\r\n") + 4;
    RawClient client(port, source);
    switch (below(5, random)) {
        case 0: client.send(std::string_view(bytes).substr(0, below(body, random))); break;
        case 1: client.send(std::string_view(bytes).substr(0, body + below(bytes.size() - body, random))); break;
        default:
            client.send(bytes);
            if (!request.body.value("stream", false)) {
                std::this_thread::sleep_for(std::chrono::microseconds(below(5000, random)));
                break;
            }
            for (std::size_t events = below(100, random); events > 0; --events) {
                const std::string event = client.read_until("\n\n");
                if (event.empty() || event.find("[DONE]") != std::string::npos) break;
            }
    }
    switch (below(3, random)) {
        case 0: client.abort(); break;
        case 1: client.close_sending_side(); break;
        default: client.close();
    }
}

const std::vector<std::string>& http_pieces() {
    static const std::vector<std::string> pieces = {"\r\n",
                                                    "\n",
                                                    "\r",
                                                    std::string(1, '\0'),
                                                    " ",
                                                    ":",
                                                    "\t",
                                                    "%00",
                                                    "\xff\xfe",
                                                    "HTTP/1.1",
                                                    "Content-Length: 5\r\n",
                                                    "Content-Length: 0\r\n",
                                                    "Transfer-Encoding: chunked\r\n",
                                                    "Host: a\r\n",
                                                    "0\r\n\r\n",
                                                    "fffffffff\r\n",
                                                    "Connection: close\r\n",
                                                    std::string(20'000, 'a'),
                                                    "Expect: 100-continue\r\n",
                                                    " folded\r\n"};
    return pieces;
}

const std::vector<std::string>& json_pieces() {
    static const std::vector<std::string> pieces = {"null",
                                                    "{}",
                                                    "[]",
                                                    "-1",
                                                    "1e999",
                                                    "NaN",
                                                    "9223372036854775808",
                                                    "0.5",
                                                    "true",
                                                    "\"\"",
                                                    ",",
                                                    "\"",
                                                    "\\",
                                                    "\\ud800",
                                                    "\\u0000",
                                                    std::string(1, '\0'),
                                                    "\xff",
                                                    "\xef\xbb\xbf",
                                                    "\xed\xa0\x80",
                                                    "\"n\":8,",
                                                    "\"stream\":true,",
                                                    "\"max_tokens\":0,",
                                                    "\"logit_bias\":{\"97\":-100},",
                                                    "\"model\":\"scripted@raw\",",
                                                    std::string(200, '['),
                                                    std::string(5000, 'x'),
                                                    std::string(3000, ' ')};
    return pieces;
}

std::string broken(const std::vector<std::string>& seeds, const std::vector<std::string>& pieces,
                   std::mt19937& random) {
    std::string bytes = seeds[below(seeds.size(), random)];
    for (std::size_t changes = below(4, random); changes > 0; --changes) {
        const std::size_t at = below(bytes.size() + 1, random);
        switch (below(6, random)) {
            case 0: bytes.resize(at); break;
            case 1: bytes.insert(at, pieces[below(pieces.size(), random)]); break;
            case 2: bytes.erase(at, below(20, random)); break;
            case 3: bytes += seeds[below(seeds.size(), random)]; break;
            case 4: bytes.insert(at, bytes.substr(below(bytes.size() + 1, random), below(60, random))); break;
            default:
                if (at < bytes.size()) bytes[at] = static_cast<char>(below(256, random));
        }
    }
    return bytes;
}

void expect_survival(std::uint16_t port, const std::string& source, const std::string& bytes, std::mt19937& random) {
    RawClient client(port, source);
    const std::size_t cut = below(bytes.size() + 1, random);
    client.send(std::string_view(bytes).substr(0, cut));
    if (below(5, random) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    client.send(std::string_view(bytes).substr(cut));
    if (below(3, random) == 0) client.close_sending_side();
    if (below(7, random) == 0) return client.abort();
    std::string answers;
    EXPECT_TRUE(client.read_to_end(answers)) << "hangs\n" << bytes;
    EXPECT_TRUE(answers.empty() || answers.starts_with("HTTP/1.")) << answers;
    EXPECT_EQ(answers.find("HTTP/1.1 5"), std::string::npos) << bytes << "\n" << answers;
}

}  // namespace urial::test
