// The page that was wanted is still in the address bar: load it again, when asked or when the net is back.
addEventListener("online", () => location.reload());
document.querySelector("[data-again]").addEventListener("click", (event) => {
  event.preventDefault();
  location.reload();
});
