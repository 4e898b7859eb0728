#include "engine/grammar.h"

#include "base/error.h"

namespace urial::engine {

std::unique_ptr<TokenConstraint> Model::new_grammar(const std::string&) const {
    throw error(ErrorKind::Model, "{}: this model cannot be held to a grammar", info().name);
}

}  // namespace urial::engine
