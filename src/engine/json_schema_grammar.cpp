#include <string>

#include <json-schema-to-grammar.h>

#include "base/error.h"
#include "base/text.h"
#include "engine/confined.h"
#include "engine/grammar.h"

namespace urial::engine {

// A schema comes from strangers: patterns and nested definitions can take the time and the stack of whoever reads them.
std::string json_schema_grammar(const std::string& schema) {
    using End = ConfinedResult::End;
    const ConfinedResult result =
        run_confined({}, [&] { return json_schema_to_grammar(common_json::parse(schema), /*force_gbnf=*/true); });
    switch (result.end) {
        case End::Returned: return result.text;
        case End::Threw:
            throw error(ErrorKind::BadInput, "this JSON schema cannot be followed: {}", printable(result.text));
        default: throw Error(ErrorKind::BadInput, "this JSON schema is too large or too deep to be followed");
    }
}

}  // namespace urial::engine
