// A node of libtorch's graph whose backward pass is a function of the caller. See src/autograd.rs, its only user.
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr size_t kMessage = 1024;

// Takes the upstream gradient (owned by the callee from then on) and fills `count` owned tensors, null for none.
// Returns false with a message of at most kMessage bytes, zero at its end.
using Backward = bool (*)(void* state, at::Tensor* upstream, at::Tensor** gradients, size_t count, char* message);
using Drop = void (*)(void* state);

struct CallerNode final : torch::autograd::Node {
    CallerNode(void* state, Backward backward, Drop drop) : state_(state), backward_(backward), drop_(drop) {}
    ~CallerNode() override { drop_(state_); }

    std::string name() const override { return "MednerBackward"; }

    torch::autograd::variable_list apply(torch::autograd::variable_list&& upstream) override {
        std::lock_guard<std::mutex> lock(mutex_);
        torch::autograd::variable_list result(num_outputs());
        if (!upstream.at(0).defined()) return result;
        if (at::GradMode::is_enabled()) throw std::runtime_error("this operation has no second derivative");
        std::vector<at::Tensor*> gradients(num_outputs(), nullptr);
        char message[kMessage] = {0};
        const bool ok = backward_(state_, new at::Tensor(upstream[0]), gradients.data(), gradients.size(), message);
        for (size_t i = 0; i < gradients.size(); ++i) {
            const std::unique_ptr<at::Tensor> owned(gradients[i]);
            if (owned) result[i] = *owned;
        }
        if (!ok) throw std::runtime_error(message);
        return result;
    }

private:
    void* state_;
    Backward backward_;
    Drop drop_;
};

}  // namespace

extern "C" {

// Makes `output`, which must be part of no graph, the result of an operation on `inputs` if gradients are recorded and one
// of them wants one. `state` is owned from here on. Returns false with a message.
bool medner_autograd_attach(at::Tensor* output, const at::Tensor* const* inputs, size_t count, void* state,
                            Backward backward, Drop drop, char* message) {
    try {
        const bool wanted = at::GradMode::is_enabled() &&
            std::any_of(inputs, inputs + count, [](const at::Tensor* input) { return input->requires_grad(); });
        if (!wanted) {
            drop(state);
            return true;
        }
        const std::shared_ptr<CallerNode> node(new CallerNode(state, backward, drop), torch::autograd::deleteNode);
        torch::autograd::edge_list edges;
        for (size_t i = 0; i < count; ++i) edges.push_back(torch::autograd::impl::gradient_edge(*inputs[i]));
        node->set_next_edges(std::move(edges));
        torch::autograd::set_history(*output, node);
        return true;
    } catch (const std::exception& error) {
        std::strncpy(message, error.what(), kMessage - 1);
        return false;
    }
}
}
