#pragma once

// SQLite as the store uses it: one connection, prepared statements that are kept, transactions, failures as Errors.
// Belongs to one thread at a time.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace urial::store {

class Database;

/// Bytes that are no text.
struct Blob {
    std::string_view bytes;
};

/// One use of a prepared statement. What it was given is copied.
class Query {
public:
    Query(Database& database, const char* sql);
    template <typename... Values>
    Query(Database& database, const char* sql, const Values&... values) : Query(database, sql) {
        (bind(values), ...);
    }
    ~Query();
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;

    /// The next row; false behind the last. Throws what Database::fail() throws.
    bool next();

    // Columns of the row, from 0 on.
    std::int64_t integer(int column) const;
    std::string text(int column) const;
    std::optional<std::int64_t> maybe_integer(int column) const;
    std::optional<std::string> maybe_text(int column) const;

private:
    void bind(std::int64_t value);
    void bind(std::string_view value);
    void bind(const char* value) { bind(std::string_view(value)); }
    void bind(const std::string& value) { bind(std::string_view(value)); }
    void bind(Blob value);
    void bind_null();
    template <typename Value>
    void bind(const std::optional<Value>& value) {
        if (value) {
            bind(*value);
        } else {
            bind_null();
        }
    }
    template <typename Integer>
    requires std::is_integral_v<Integer>
    void bind(Integer value) { bind(static_cast<std::int64_t>(value)); }

    Database& database_;
    const char* sql_;
    sqlite3_stmt* statement_;
    int bound_ = 0;
};

class Database {
public:
    /// Opens the file, or creates it for its owner alone; ":memory:" is a database that ends with the object. Throws
    /// Error{Io|NotFound}.
    explicit Database(std::string path);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    const std::string& path() const { return path_; }
    /// The file is one of ours.
    void trust() { is_trusted_ = true; }

    /// Runs a statement that gives no rows; how many rows it changed.
    template <typename... Values>
    std::int64_t run(const char* sql, const Values&... values) {
        Query query(*this, sql, values...);
        while (query.next()) {
        }
        return changes();
    }
    /// Of an insertion, the number of its row.
    template <typename... Values>
    std::int64_t insert(const char* sql, const Values&... values) {
        run(sql, values...);
        return last_row();
    }
    /// The first column of the only row.
    template <typename... Values>
    std::int64_t number(const char* sql, const Values&... values) {
        Query query(*this, sql, values...);
        return query.next() ? query.integer(0) : 0;
    }
    /// Several statements without values.
    void script(const char* sql);

    /// A function of one text that statements and triggers can call; it has no state.
    using TextFunction = std::string(std::string_view);
    void define(const char* name, TextFunction* function);

    /// Copies all of it into a new file. Throws Error{Io}.
    void back_up(const std::string& path);

    /// Throws the Error of a status: Unavailable where it may be otherwise another time (disk full, locked by another
    /// program), else Io, which names the file; for a damaged file BadInput until trust() is called.
    [[noreturn]] void fail(int status) const;

private:
    friend class Query;
    friend class Transaction;
    sqlite3_stmt* prepare(const char* sql);
    void put_back(const char* sql, sqlite3_stmt* statement);
    void check(int status) const;
    std::int64_t changes() const;
    std::int64_t last_row() const;

    std::string path_;
    bool is_trusted_ = false;
    sqlite3* handle_ = nullptr;
    std::map<std::string_view, std::vector<sqlite3_stmt*>> idle_;  // by their text, which is the program's own
};

/// What happens between its construction and commit() happens whole or not at all.
class Transaction {
public:
    explicit Transaction(Database& database);
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    void commit();

private:
    Database& database_;
    bool is_open_ = true;
};

}  // namespace urial::store
