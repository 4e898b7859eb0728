// The page's files: what browsers are told about them.

#include <gtest/gtest.h>

#include "base/gzip.h"
#include "serve/api_fixture.h"
#include "serve/page.h"
#include "support/expect_text.h"
#include "support/raw_client.h"

namespace urial::test {
namespace {

RawReply page(const ApiFixture& server, const std::string& path, const std::string& headers = "") {
    return ask(server.port(), request_text(server.port(), "GET", path, headers)).value_or(RawReply{});
}

TEST(ServePage, is_there_without_a_key_and_may_do_nothing_but_what_it_needs) {
    const ApiFixture server({{.name = "scripted", .model = std::make_shared<ScriptedModel>(echoing_script())}}, false,
                            {.api_keys = {std::string(32, 'k')}});
    const RawReply html = page(server, "/");
    EXPECT_EQ(html.status, 200);
    EXPECT_EQ(html.headers.at("content-type"), "text/html; charset=utf-8");
    EXPECT_TRUE(contains(html.body, "<!doctype html>"));
    const std::string policy = html.headers.at("content-security-policy");
    for (const char* part : {"default-src 'none'", "script-src 'self'", "connect-src 'self'", "form-action 'none'",
                             "frame-ancestors 'none'", "require-trusted-types-for 'script'"}) {
        EXPECT_TRUE(contains(policy, part));
    }
    EXPECT_FALSE(contains(policy, "unsafe"));
    EXPECT_EQ(html.headers.at("x-content-type-options"), "nosniff");
    EXPECT_EQ(html.headers.at("referrer-policy"), "no-referrer");
    EXPECT_EQ(html.headers.at("cross-origin-opener-policy"), "same-origin");
    EXPECT_EQ(page(server, "/app.js").headers.at("content-type"), "text/javascript; charset=utf-8");
    EXPECT_EQ(page(server, "/app.css").headers.at("content-type"), "text/css; charset=utf-8");
    RawClient client(server.port());
    client.send(request_text(server.port(), "HEAD", "/"));
    EXPECT_EQ(client.reply(/*has_body=*/false).value_or(RawReply{}).status, 200);
    EXPECT_EQ(page(server, "/v1/conversations").status, 401) << "what it shows is another matter";
}

TEST(ServePage, a_path_without_a_file_is_an_error_in_json_as_ever) {
    const ApiFixture server;
    for (const char* path : {"/app.html", "/app.js/", "/none.js", "/assets/app.js", "/..%2fapp.js"}) {
        const RawReply reply = page(server, path);
        EXPECT_EQ(reply.status, 404) << path;
        EXPECT_EQ(reply.headers.at("content-type"), "application/json");
    }
}

TEST(ServePage, is_packed_for_those_who_can_unpack_it) {
    const ApiFixture server;
    const std::string plain = page(server, "/").body;
    for (const char* header : {"Accept-Encoding: gzip, deflate, br\r\n", "Accept-Encoding: br;q=1.0, GZIP;q=0.5\r\n"}) {
        const RawReply packed = page(server, "/", header);
        EXPECT_EQ(packed.headers.at("content-encoding"), "gzip");
        EXPECT_EQ(gunzip(packed.body, 1u << 20), plain);
    }
    for (const char* header : {"Accept-Encoding: br\r\n", "Accept-Encoding: gzip;q=0\r\n", "Accept-Encoding:\r\n"}) {
        const RawReply reply = page(server, "/", header);
        EXPECT_FALSE(reply.headers.contains("content-encoding"));
        EXPECT_EQ(reply.body, plain);
        EXPECT_EQ(reply.headers.at("vary"), "accept-encoding");
    }
}

TEST(ServePage, is_not_sent_again_to_those_who_have_it) {
    const ApiFixture server;
    const std::string tag = page(server, "/").headers.at("etag");
    const std::string packed_tag = page(server, "/", "Accept-Encoding: gzip\r\n").headers.at("etag");
    EXPECT_NE(tag, packed_tag);
    for (const std::string& known : {tag, "W/" + tag, "\"other\", " + packed_tag, std::string("*")}) {
        RawClient client(server.port());
        client.send(request_text(server.port(), "GET", "/", "If-None-Match: " + known + "\r\n"));
        const auto reply = client.reply(/*has_body=*/false);
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->status, 304) << known;
        EXPECT_FALSE(reply->headers.contains("content-length"));
        EXPECT_EQ(reply->headers.at("etag"), tag);
    }
    EXPECT_EQ(page(server, "/", "If-None-Match: \"other\"\r\n").status, 200);
    EXPECT_NE(page(server, "/app.js").headers.at("etag"), tag);
}

}  // namespace
}  // namespace urial::test
