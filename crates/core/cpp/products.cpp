// Number type of products of f32 tensors: oneDNN's, which src/precision.rs sets, and cuDNN's, which src/device.rs sets.
#include <ATen/Context.h>

#include <cstring>
#include <exception>

extern "C" {

// Sets oneDNN's for the whole process. Returns false with a message of at most `room` bytes, zero at its end.
bool medner_products_bf16(bool wanted, char* message, size_t room) {
    try {
        at::globalContext().setFloat32Precision(at::Float32Backend::MKLDNN, at::Float32Op::MATMUL,
                                                wanted ? at::Float32Precision::BF16 : at::Float32Precision::IEEE);
        return true;
    } catch (const std::exception& error) {
        std::strncpy(message, error.what(), room - 1);
        return false;
    }
}

// Products of cuDNN in f32, not TF32.
void medner_f32_is_f32() { at::globalContext().setAllowTF32CuDNN(false); }
}
