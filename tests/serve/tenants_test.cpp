// Two users of one server: neither gets a byte of what the other has sent.

#include <random>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "serve/api_fixture.h"
#include "serve/hostile_clients.h"
#include "support/sanitizer.h"

namespace urial::test {
namespace {

struct Tenant {
    std::string canary;
    std::string foreign;  ///< the other one's
    std::vector<SampleRequest> requests;
    std::vector<std::string> expected;  ///< the answers that it gets where it is alone
};

Tenant tenant(const std::string& canary, const std::string& foreign) {
    Tenant tenant{.canary = canary, .foreign = foreign, .requests = {}, .expected = {}};
    // Texts that begin alike, so that there is something to share.
    for (const std::string& text : {"What is " + canary, "What is " + canary + " not", std::string(canary)}) {
        for (SampleRequest& request : sample_requests(text)) tenant.requests.push_back(std::move(request));
    }
    tenant.expected = answers_alone(tenant.requests);
    return tenant;
}

/// A sanitizer makes each of them several times as slow.
const int kRequestsEach = test::is_sanitized() ? 25 : 125;

/// On one connection.
void use(const ApiFixture& server, const Tenant& tenant, const std::string& source, unsigned seed) {
    std::mt19937 random(seed);
    RawClient client(server.port(), source);
    for (int i = 0; i < kRequestsEach; ++i) {
        const std::size_t k = below(tenant.requests.size(), random);
        client.send(tenant.requests[k].bytes(server.port()));
        const RawReply reply = client.reply().value_or(RawReply{});
        EXPECT_EQ(reply.body.find(tenant.foreign), std::string::npos) << reply.body;
        for (const auto& [name, value] : reply.headers) {
            EXPECT_EQ(value.find(tenant.canary), std::string::npos) << name << ": no text of a client, its own neither";
            EXPECT_EQ(value.find(tenant.foreign), std::string::npos) << name;
        }
        // A piece that crossed in single tokens, or as another number, would show here.
        EXPECT_EQ(lasting_part(reply), tenant.expected[k]) << tenant.requests[k].path << tenant.requests[k].body;
    }
}

class ServeTenants : public testing::TestWithParam<bool> {};

TEST_P(ServeTenants, get_nothing_of_each_other_in_a_thousand_requests) {
    const auto model = std::make_shared<ScriptedModel>(echoing_script());
    model->set_shading(true);
    const ApiFixture server({{.name = "scripted", .model = model, .shares = GetParam()}});
    const std::string one = "WXQVKJZPWXGH", two = "KZVJQYWPMXTB";
    const Tenant tenants[] = {tenant(one, two), tenant(two, one)};
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] { use(server, tenants[i % 2], fmt::format("127.0.0.{}", i + 1), i); });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(server.comes_to_rest());
}

INSTANTIATE_TEST_SUITE_P(Sharing, ServeTenants, testing::Bool());

}  // namespace
}  // namespace urial::test
