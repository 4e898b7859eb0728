// Who may ask, and what: hosts, origins, routes, keys and the header, against a real server.

#include <gtest/gtest.h>

#include "serve/http_output.h"
#include "serve/request_error.h"
#include "serve/route_table.h"
#include "serve/served_routes.h"
#include "support/expect_error.h"

namespace urial::serve::test {
namespace {

const std::string kKey = "0123456789abcdef0123456789abcdef";
const std::string kOtherKey = "fedcba9876543210fedcba9876543210";

HttpServerOptions with_key() { return {.api_keys = {kOtherKey, kKey}}; }

std::string replace_port(std::string text, int port) {
    const std::size_t at = text.find('$');
    return at == std::string::npos ? text : text.replace(at, 1, fmt::format("{}", port));
}

std::string post_from(const std::string& host, const std::string& origin, const std::string& path) {
    return fmt::format(
        "POST {} HTTP/1.1\r\nHost: {}\r\n{}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}", path, host,
        origin.empty() ? "" : fmt::format("Origin: {}\r\n", origin));
}

TEST(HttpAdmission, of_hosts_and_origins_only_ours_and_the_named_reach_a_handler) {
    ServedRoutes served({.allowed_hosts = {"models.example.org", "other.example.org:8443"}});
    const std::vector<std::pair<std::string, bool>> hosts = {
        {"127.0.0.1:$", true},
        {"localhost:$", true},
        {"LocalHost:$", true},
        {"[::1]:$", true},
        {"models.example.org", true},
        {"models.example.org:1234", true},
        {"other.example.org:8443", true},
        {"other.example.org", false},
        {"127.0.0.1", false},
        {"127.0.0.1:1", false},
        {"evil.example", false},
        {"evil.example:$", false},
        {"localhost.evil.example:$", false},
        {"127.0.0.1.evil.example:$", false},
        {"10.0.0.1:$", false},
    };
    const std::vector<std::pair<std::string, bool>> origins = {
        {"", true},
        {"http://127.0.0.1:$", true},
        {"http://localhost:$", true},
        {"https://models.example.org", true},
        {"null", false},
        {"http://evil.example", false},
        {"http://127.0.0.1:1", false},
        {"https://127.0.0.1:$", false},
        {"http://localhost:$.evil.example", false},
        {"http://localhost:$/", false},
        {"file://", false},
        {"http://evil.example@localhost:$", false},
    };
    int admitted = 0;
    for (const auto& [host, good_host] : hosts) {
        for (const auto& [origin, good_origin] : origins) {
            for (const std::string path : {"/echo", "/nowhere"}) {
                const std::string request =
                    post_from(replace_port(host, served.port()), replace_port(origin, served.port()), path);
                const int right = !good_host || !good_origin ? 403 : path == "/echo" ? 200 : 404;
                EXPECT_EQ(served.status(request), right) << host << " " << origin << " " << path;
                admitted += right == 200;
            }
        }
    }
    EXPECT_EQ(served.calls, admitted);
}

TEST(HttpAdmission, a_host_that_is_missing_doubled_or_broken_is_400) {
    ServedRoutes served;
    const std::string own = "Host: " + served.host() + "\r\n";
    EXPECT_EQ(served.status("GET /health HTTP/1.1\r\n\r\n"), 400);
    EXPECT_EQ(served.status("GET /health HTTP/1.1\r\n" + own + own + "\r\n"), 400);
    for (const std::string host : {"", "a b", "localhost:", "localhost:x", "localhost:99999", "local/host",
                                   "a@localhost:1", "[::1", "%6cocalhost"}) {
        EXPECT_EQ(served.status("GET /health HTTP/1.1\r\nHost: " + host + "\r\n\r\n"), 400) << host;
    }
    EXPECT_EQ(served.status("GET http://" + served.host() + "/health HTTP/1.1\r\n" + own + "\r\n"), 200);
    EXPECT_EQ(served.status("GET http://evil.example/health HTTP/1.1\r\n" + own + "\r\n"), 400);
    EXPECT_EQ(served.status("GET http://" + served.host() + "/health HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 400);
    EXPECT_EQ(served.status("GET evil/health HTTP/1.1\r\n" + own + "\r\n"), 400);
    EXPECT_EQ(served.status("GET /health HTTP/1.0\r\n\r\n"), 200);
}

TEST(HttpAdmission, every_route_but_the_open_ones_asks_for_a_key) {
    ServedRoutes served(with_key());
    const auto echo = [&](const std::string& authorization) {
        return served.status(served.request("POST", "/echo", authorization, "{}"));
    };
    EXPECT_EQ(served.status(served.request("GET", "/health")), 200);
    for (const std::string& wrong :
         {std::string(), "Authorization: Bearer " + kKey + "x\r\n", "Authorization: Bearer " + kKey.substr(1) + "\r\n",
          "Authorization: Basic " + kKey + "\r\n", "Authorization: " + kKey + "\r\n",
          std::string("Authorization: Bearer \r\n"), "X-Api-Key: " + kKey + "\r\n",
          "Authorization: Bearer " + kKey + "\r\nAuthorization: Bearer " + kKey + "\r\n"}) {
        EXPECT_EQ(echo(wrong), 401) << wrong;
    }
    EXPECT_EQ(served.calls, 0);
    EXPECT_EQ(echo("Authorization: Bearer " + kKey + "\r\n"), 200);
    EXPECT_EQ(echo("authorization: bearer " + kOtherKey + "\r\n"), 200);
    EXPECT_EQ(served.calls, 2);
    for (const std::string path : {"//health", "/health/", "/%65cho", "/health/../echo", "/echo?health"}) {
        const int status = served.status(served.request("POST", path, "", "{}"));
        EXPECT_TRUE(status == 401 || status == 404) << path << " " << status;
    }
    EXPECT_EQ(served.calls, 2);
}

TEST(HttpAdmission, a_handler_learns_which_key_asked_and_never_the_key) {
    std::vector<HttpRequest> seen;
    ServedRoutes served(with_key(), {{"GET", "/who", [&](HttpRequest&& request, auto exchange) {
                                          seen.push_back(std::move(request));
                                          exchange->reply({});
                                      }}});
    for (const std::string& key : {kKey, kOtherKey, kKey}) {
        const auto reply =
            ask(served.port(),
                served.request("GET", "/who?a=%20b", "Authorization: Bearer " + key + "\r\nX-A: 1\r\nx-a: 2\r\n"));
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->status, 200);
        EXPECT_EQ(reply->headers.at("x-request-id"), seen.back().id);
    }
    ASSERT_EQ(seen.size(), 3u);
    EXPECT_EQ(seen[0].client, seen[2].client);
    EXPECT_NE(seen[0].client, seen[1].client);
    EXPECT_EQ(seen[0].client.size(), 12u);
    EXPECT_FALSE(seen[0].headers.contains("authorization"));
    EXPECT_EQ(seen[0].headers.at("x-a"), "1, 2");
    EXPECT_EQ(seen[0].query, "a=%20b");
    EXPECT_EQ(seen[0].peer, "127.0.0.1");
    EXPECT_NE(seen[0].id, seen[2].id);
}

TEST(HttpAdmission, the_order_is_host_route_method_key_type_size) {
    ServedRoutes served(with_key());
    const std::string key = "Authorization: Bearer " + kKey + "\r\n";
    const std::string huge = "Content-Length: 99999999\r\n";
    const std::string json = "Content-Type: application/json\r\n";
    EXPECT_EQ(served.status("POST /none HTTP/1.1\r\nHost: evil\r\n" + huge + "\r\n"), 403);
    EXPECT_EQ(served.status(served.request("POST", "/none", huge)), 404);
    EXPECT_EQ(served.status(served.request("PUT", "/echo", huge)), 405);
    EXPECT_EQ(served.status(served.request("POST", "/echo", huge)), 401);
    EXPECT_EQ(served.status(served.request("POST", "/echo", key + huge)), 415);
    EXPECT_EQ(served.status(served.request("POST", "/echo", key + json + huge)), 413);
    EXPECT_EQ(served.calls, 0);
}

TEST(HttpAdmission, errors_have_the_shape_of_openai) {
    ServedRoutes served;
    const auto reply = ask(served.port(), served.request("DELETE", "/health"));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 405);
    EXPECT_EQ(reply->headers.at("allow"), "GET, HEAD");
    EXPECT_EQ(reply->headers.at("content-type"), "application/json");
    EXPECT_EQ(
        reply->body,
        R"({"error":{"message":"this path has another method: see Allow","type":"invalid_request_error","param":null,"code":"method_not_allowed"}})");
}

TEST(HttpAdmission, what_a_handler_throws_becomes_its_status) {
    const auto thrower = [](auto failure) {
        return [failure](HttpRequest&&, std::shared_ptr<Exchange>) { throw failure; };
    };
    ServedRoutes served({}, {{"GET", "/input", thrower(Error(ErrorKind::BadInput, "an \xff input"))},
                             {"GET", "/found", thrower(Error(ErrorKind::NotFound, "no such"))},
                             {"GET", "/full", thrower(Error(ErrorKind::ContextFull, "too long"))},
                             {"GET", "/busy", thrower(Error(ErrorKind::Unavailable, "not now"))},
                             {"GET", "/disk", thrower(Error(ErrorKind::Io, "/home/secret"))},
                             {"GET", "/field", thrower(RequestError(422, "odd", "n", "n is odd"))},
                             {"GET", "/other", thrower(std::runtime_error("secret"))},
                             {"GET", "/quick", thrower(std::runtime_error("secret")), false, true},
                             {"GET", "/silent", [](HttpRequest&&, std::shared_ptr<Exchange>) {}}});
    const auto get = [&](const std::string& path) {
        return ask(served.port(), served.request("GET", path)).value_or(RawReply{});
    };
    EXPECT_EQ(get("/input").status, 400);
    EXPECT_NE(get("/input").body.find("an \xef\xbf\xbd input"), std::string::npos);
    EXPECT_EQ(get("/found").status, 404);
    EXPECT_EQ(get("/full").status, 400);
    EXPECT_NE(get("/full").body.find("\"context_length_exceeded\""), std::string::npos);
    EXPECT_EQ(get("/busy").status, 503);
    EXPECT_EQ(get("/busy").headers["retry-after"], "1");
    EXPECT_EQ(get("/field").status, 422);
    EXPECT_NE(get("/field").body.find(R"("param":"n","code":"odd")"), std::string::npos);
    for (const std::string path : {"/disk", "/other", "/quick", "/silent"}) {
        const RawReply reply = get(path);
        EXPECT_EQ(reply.status, 500) << path;
        EXPECT_EQ(reply.body.find("secret"), std::string::npos) << path;
    }
    EXPECT_EQ(get("/health").status, 200);
}

TEST(HttpAdmission, pages_of_a_cors_origin_get_what_they_need_and_others_nothing) {
    ServedRoutes served({.cors_origins = {"https://chat.example.org"}, .api_keys = {kKey}});
    const std::string origin = "Origin: https://chat.example.org\r\n";
    const std::string asks = "Access-Control-Request-Method: POST\r\n";
    const auto preflight = ask(served.port(), served.request("OPTIONS", "/echo", origin + asks));
    ASSERT_TRUE(preflight);
    EXPECT_EQ(preflight->status, 204);
    EXPECT_EQ(preflight->headers.at("access-control-allow-origin"), "https://chat.example.org");
    EXPECT_EQ(preflight->headers.at("access-control-allow-headers"), "authorization, content-type");
    EXPECT_EQ(preflight->headers.at("access-control-allow-methods"), "POST");
    EXPECT_FALSE(preflight->headers.contains("access-control-allow-credentials"));

    const auto refused = ask(served.port(), served.request("POST", "/echo", origin, "{}"));
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->status, 401);
    EXPECT_EQ(refused->headers.at("access-control-allow-origin"), "https://chat.example.org");
    EXPECT_EQ(served.calls, 0);

    const auto foreign =
        ask(served.port(), served.request("OPTIONS", "/echo", "Origin: https://evil.example\r\n" + asks));
    ASSERT_TRUE(foreign);
    EXPECT_EQ(foreign->status, 403);
    EXPECT_FALSE(foreign->headers.contains("access-control-allow-origin"));
    EXPECT_EQ(served.status(served.request("OPTIONS", "/echo")), 405);
    EXPECT_EQ(served.status(served.request("OPTIONS", "/echo", "Origin: http://" + served.host() + "\r\n")), 405);
}

TEST(HttpAdmission, bodies_are_json_and_not_compressed) {
    ServedRoutes served;
    const auto echo = [&](const std::string& headers) {
        return served.status(
            fmt::format("POST /echo HTTP/1.1\r\nHost: {}\r\n{}Content-Length: 2\r\n\r\n{{}}", served.host(), headers));
    };
    EXPECT_EQ(echo("Content-Type: application/json\r\n"), 200);
    EXPECT_EQ(echo("content-type: Application/JSON; charset=utf-8\r\n"), 200);
    for (const std::string wrong :
         {"", "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n",
          "Content-Type: text/plain; application/json\r\n",
          "Content-Type: application/json\r\nContent-Type: text/plain\r\n",
          "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"}) {
        EXPECT_EQ(echo(wrong), 415) << wrong;
    }
}

TEST(HttpAdmission, options_that_are_unsafe_or_make_no_sense_are_refused) {
    const auto says = [](HttpServerOptions options) {
        options.port = 0;
        return urial::test::bad_input_of([&] { HttpServer(std::move(options), {}); });
    };
    EXPECT_NE(says({.address = "0.0.0.0"}).find("API key"), std::string::npos);
    EXPECT_NE(says({.address = "::"}).find("API key"), std::string::npos);
    EXPECT_NE(says({.address = "example.org"}).find("IP address"), std::string::npos);
    EXPECT_NE(says({.api_keys = {kKey.substr(1)}}).find("31 characters"), std::string::npos);
    EXPECT_NE(says({.api_keys = {kKey + " "}}).find("spaces"), std::string::npos);
    EXPECT_NE(says({.cors_origins = {"*"}}).find("every page"), std::string::npos);
    EXPECT_NE(says({.cors_origins = {"https://a/b"}}).find("CORS"), std::string::npos);
    EXPECT_NE(says({.allowed_hosts = {"http://a"}}).find("allowed host"), std::string::npos);
    EXPECT_EQ(says({.address = "localhost"}), "no error");
    EXPECT_EQ(says({.address = "0.0.0.0", .api_keys = {kKey}}), "no error");

    const HttpServer first({.port = 0}, {});
    EXPECT_ERROR(HttpServer({.port = first.port()}, {}), ErrorKind::Unavailable, "in use");
}

TEST(RouteTable, parts_are_decoded_and_broken_paths_have_no_route) {
    const Handler none = [](HttpRequest&&, auto) {};
    const RouteTable table(
        {{"GET", "/v1/models/{id}", none}, {"GET", "/files/{path...}", none}, {"POST", "/v1/models/{id}", none}});
    EXPECT_EQ(table.find("GET", "/v1/models/a%2Fb%20c").parts.at("id"), "a/b c");
    EXPECT_EQ(table.find("GET", "/files/hf:a/b").parts.at("path"), "hf:a/b");
    EXPECT_EQ(table.find("PUT", "/v1/models/x").allowed_methods, "GET, HEAD, POST");
    EXPECT_NE(table.find("HEAD", "/v1/models/x").route, nullptr);
    for (const std::string path : {"/v1/models", "/v1/models/", "/v1/models/a/b", "/v1/models/%", "/v1/models/%0a",
                                   "/v1/models/%ff", "/v1/models/%00", "/files/", "/", ""}) {
        EXPECT_EQ(table.find("GET", path).route, nullptr) << path;
    }
}

TEST(HttpOutput, a_header_with_a_line_end_is_left_out) {
    const std::string head =
        response_head({.headers = {{"x-good", "yes"}, {"x-bad", "a\r\nset-cookie: b"}, {"x\n", "c"}}}, {});
    EXPECT_NE(head.find("x-good: yes\r\n"), std::string::npos);
    EXPECT_EQ(head.find("x-bad"), std::string::npos);
    EXPECT_EQ(head.find("set-cookie"), std::string::npos);
}

TEST(HttpOutput, an_event_has_data_before_each_line) {
    EXPECT_EQ(event_text("{}"), "data: {}\n\n");
    EXPECT_EQ(event_text("a\nb\r\nc\rd"), "data: a\ndata: b\ndata: c\ndata: d\n\n");
    EXPECT_EQ(event_text(""), "data: \n\n");
}

}  // namespace
}  // namespace urial::serve::test
