#include <cstdio>

int main() {
    std::puts("urial");
    return 0;
}
