#include "serve/http_server.h"

#include <array>
#include <random>
#include <set>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include "base/error.h"
#include "base/text.h"
#include "serve/connection.h"

namespace urial::serve {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

constexpr int kMostRefusals = 64;  // connections above the limits that are told so, at a time
constexpr Limits::Time kAcceptPause{100};

/// An IPv4 address that came over an IPv6 socket is one of IPv4.
asio::ip::address plain_address(const asio::ip::address& address) {
    if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
}

/// What Limits::connections_per_address counts: whoever has one IPv6 address has all of its network.
std::string network_of(const asio::ip::address& address) {
    if (!address.is_v6() || address.is_loopback()) return address.to_string();
    asio::ip::address_v6::bytes_type bytes = address.to_v6().to_bytes();
    std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
    return asio::ip::address_v6(bytes).to_string();
}

Tcp::endpoint endpoint_of(const HttpServerOptions& options) {
    boost::system::error_code failure;
    const std::string text = options.address == "localhost" ? "127.0.0.1" : options.address;
    const asio::ip::address address = asio::ip::make_address(text, failure);
    if (failure) {
        throw error(ErrorKind::BadInput,
                    "address '{}': must be an IP address of this machine, such as 127.0.0.1 or 0.0.0.0",
                    printable(options.address));
    }
    if (!address.is_loopback() && options.api_keys.empty()) {
        throw error(
            ErrorKind::BadInput,
            "address {}: others can reach it, so an API key is needed (--api-key-file or URIAL_API_KEY); without "
            "one, listen on 127.0.0.1",
            options.address);
    }
    return {address, options.port};
}

Tcp::acceptor listen_on(asio::io_context& context, Tcp::endpoint endpoint, int ports) {
    constexpr int kLastPort = 65535;
    try {
        return Tcp::acceptor(context, endpoint);
    } catch (const boost::system::system_error& failure) {
        if (failure.code() == asio::error::address_in_use && ports > 1 && endpoint.port() < kLastPort) {
            endpoint.port(static_cast<std::uint16_t>(endpoint.port() + 1));
            return listen_on(context, endpoint, ports - 1);
        }
        if (failure.code() == asio::error::address_in_use) {
            throw error(ErrorKind::Unavailable, "{}:{} is in use by another program: choose another with --port",
                        endpoint.address().to_string(), endpoint.port());
        }
        throw error(ErrorKind::Io, "cannot listen on {}:{}: {}", endpoint.address().to_string(), endpoint.port(),
                    failure.code().message());
    }
}

}  // namespace

struct HttpServer::State final : ConnectionOwner {
    State(HttpServerOptions given, std::vector<Route> routes)
        : options(std::move(given)),
          acceptor(listen_on(context, endpoint_of(options), options.ports)),
          port(acceptor.local_endpoint().port()),
          admission_rules(options, port, std::move(routes)) {}

    const AdmissionRules& rules() const override { return admission_rules; }
    const Limits& limits() const override { return options.limits; }
    bool is_draining() const override { return draining; }
    std::string new_request_id() override { return fmt::format("req-{:016x}", random()); }
    void run_elsewhere(std::function<void()> task) override { asio::post(*handlers, std::move(task)); }
    void log(const LogLine& line) override {
        if (options.log) options.log(line);
    }
    void closed(const std::shared_ptr<Connection>& connection) override;

    void accept();
    void take(Tcp::socket socket);
    void drain();
    void disconnect_all();

    struct Kept {
        std::string network;
        bool is_refused;
    };

    HttpServerOptions options;
    asio::io_context context{1};
    Tcp::acceptor acceptor;
    std::uint16_t port;
    AdmissionRules admission_rules;
    std::optional<asio::thread_pool> handlers;
    asio::steady_timer accept_pause{context};
    asio::steady_timer drain_end{context};
    std::mt19937_64 random{std::random_device{}()};
    bool draining = false;

    std::map<std::shared_ptr<Connection>, Kept> connections;
    std::map<std::string, int> served_of_network;
    int served = 0;
    int refused = 0;
};

void HttpServer::State::accept() {
    acceptor.async_accept([this](const boost::system::error_code& failure, Tcp::socket socket) {
        if (draining) return;
        if (!failure) {
            take(std::move(socket));
            return accept();
        }
        // No file descriptors, for one: what waits is still there, and asking at once again would only spin.
        accept_pause.expires_after(kAcceptPause);
        accept_pause.async_wait([this](const boost::system::error_code& cancelled) {
            if (!cancelled && !draining) accept();
        });
    });
}

void HttpServer::State::take(Tcp::socket socket) {
    boost::system::error_code failure;
    const Tcp::endpoint peer = socket.remote_endpoint(failure);
    if (failure) return;  // it has gone already
    const Tcp::endpoint local = socket.local_endpoint(failure);
    if (failure) return;
    const asio::ip::address address = plain_address(peer.address());
    const std::string network = network_of(address);
    const auto of_network = served_of_network.find(network);
    const bool is_full = served >= options.limits.connections;
    const bool is_greedy =
        of_network != served_of_network.end() && of_network->second >= options.limits.connections_per_address;
    const bool is_refused = is_full || is_greedy;
    if (is_refused && refused >= kMostRefusals) return;

    const auto connection = std::make_shared<Connection>(
        std::move(socket),
        Connection::Addresses{.peer = address.to_string(), .local = plain_address(local.address()).to_string()}, *this);
    connections.emplace(connection, Kept{network, is_refused});
    if (!is_refused) {
        ++served;
        ++served_of_network[network];
        return connection->start();
    }
    ++refused;
    connection->start_refused(is_greedy ? refuse(429, "too many connections from this address", "too_many_connections")
                                        : refuse(503, "too many connections", "too_many_connections"));
}

void HttpServer::State::closed(const std::shared_ptr<Connection>& connection) {
    const auto kept = connections.find(connection);
    if (kept == connections.end()) return;
    if (kept->second.is_refused) {
        --refused;
    } else {
        --served;
        const auto of_network = served_of_network.find(kept->second.network);
        if (--of_network->second == 0) served_of_network.erase(of_network);
    }
    connections.erase(kept);
    if (draining && connections.empty()) drain_end.cancel();
}

void HttpServer::State::drain() {
    if (draining) return disconnect_all();
    draining = true;
    boost::system::error_code ignored;
    acceptor.close(ignored);
    accept_pause.cancel();
    drain_end.expires_after(options.limits.drain);
    drain_end.async_wait([this](const boost::system::error_code& cancelled) {
        if (!cancelled) disconnect_all();
    });
    for (const auto& [connection, kept] : std::map(connections)) connection->drain();
    if (connections.empty()) drain_end.cancel();
}

void HttpServer::State::disconnect_all() {
    for (const auto& [connection, kept] : std::map(connections)) connection->close();
}

HttpServer::HttpServer(HttpServerOptions options, std::vector<Route> routes)
    : state_(std::make_unique<State>(std::move(options), std::move(routes))) {}

HttpServer::~HttpServer() { state_->disconnect_all(); }

std::uint16_t HttpServer::port() const { return state_->port; }

void HttpServer::run() {
    State& state = *state_;
    state.handlers.emplace(static_cast<std::size_t>(state.options.limits.handler_threads));
    state.accept();
    while (true) {
        try {
            state.context.run();
            break;
        } catch (const std::exception&) {
            continue;  // of a log, or no memory: whatever it was, the others are served
        }
    }
    // All connections are closed: what handlers still answer is dropped.
    state.handlers->join();
}

void HttpServer::stop() {
    asio::post(state_->context, [state = state_.get()] { state->drain(); });
}

}  // namespace urial::serve
