// A library with one object in C++, built for its size.
#include "objects.cpp"
extern "C" __attribute__((visibility("default"))) void *make() { return cpp_two(); }
